/** The floor of a client: get.mjs SOCKET PATH makes one request and reads its answer. */

import { request } from 'node:http';

request({ socketPath: process.argv[2], path: process.argv[3] }, (answer) => answer.resume()).end();
