/** The settings of poolctl itself, as far as they depend on one another. */

import { type Check, placeAt, problem } from '../draft.js';

export const checkListen: Check = (draft, { env, devices }) => {
  const { listen, token_file } = draft.supervisor;
  const place = placeAt(draft, ['supervisor', 'listen']);
  if (listen === null || place === null || draft.isSupervisorSpoilt('listen') || draft.isSupervisorSpoilt('token_file'))
    return [];
  const port = Number(listen.slice(listen.lastIndexOf(':') + 1));
  if (port > 65535) {
    return [
      problem(draft, place, { code: 'INVALID_VALUE', message: `supervisor.listen must have a port up to 65535, has ${port}` }),
    ];
  }
  if (isLoopback(listen) || token_file !== null || (env.POOLCTL_TOKEN ?? '') !== '') return [];
  return [
    problem(draft, place, {
      code: 'INVALID_VALUE',
      severity: devices === null ? 'warning' : 'error',
      message: `supervisor.listen is ${listen}, which others can reach, and there is no token`,
      hint: 'set token_file or $POOLCTL_TOKEN, or listen on 127.0.0.1',
    }),
  ];
};

/** `host:port`. */
export function isLoopback(listen: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\]):\d+$/i.test(listen);
}
