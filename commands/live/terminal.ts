/** Whether the live view can be shown at all. */

import type { Cli, Globals } from '../cli.js';

/** On a terminal that can move its cursor, and has keys. */
export function canShowLive({ json }: Globals, { out, input, env }: Cli): boolean {
  return !json && out.isTTY && input.isTTY && env.TERM !== 'dumb';
}
