/** How a command finds the supervisor, and what it left on disk. */

import { Client } from '../../src/api/client.js';
import type { ClientOptions } from '../../src/api/connection.js';
import { clientSocket, type Named, stateDirOf } from '../../src/host/paths.js';
import type { Cli, Globals } from '../cli.js';

/** The supervisor's API, as it may be asked. `doing` completes `cannot …` in errors. */
export function clientOf(
  { env, cwd, home }: Cli,
  globals: Globals,
  doing: string,
  more: Pick<ClientOptions, 'answerMs'> = {},
): Client {
  return new Client({ socketPath: clientSocket(named(globals), env, { cwd, home }), doing, ...more });
}

/** The state directory that the command line and the environment name. */
export function stateDirFor({ env, cwd, home }: Cli, globals: Globals): string {
  return stateDirOf(named(globals), env, { cwd, home });
}

function named({ stateDir, socket }: Globals): Named {
  return { stateDir, socket };
}
