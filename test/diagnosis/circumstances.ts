/** What is known of an end of which nothing is known. */

import type { Circumstances } from '../../src/diagnosis/log-reader.js';

export const alone: Circumstances = { engine: null, code: null, signal: null, asked: false, kernel: [], phase: null };
