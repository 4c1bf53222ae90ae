/** The settings of poolctl itself, as far as they depend on one another. */

import { isLoopback, parseAddress } from '../../text/address.js';
import { type Check, placeAt, problem } from '../draft.js';
import type { Complaint } from '../problem.js';

export const checkListen: Check = (draft, { env, devices }) => {
  if (draft.isSupervisorSpoilt('listen') || draft.isSupervisorSpoilt('token_file')) return [];
  const { listen, token_file } = draft.supervisor;
  // Without the host only the file is looked at.
  const ambient = devices === null || listen !== null ? '' : (env.POOLCTL_LISTEN ?? '');
  const written = listen ?? (ambient === '' ? null : ambient);
  // What is wrong with the environment stands nowhere in the file, and in no pool of it.
  const place = placeAt(draft, ['supervisor', 'listen']) ?? placeAt(draft, ['supervisor']) ?? placeAt(draft, ['version']);
  if (written === null || place === null) return [];
  const hasToken = token_file !== null || (env.POOLCTL_TOKEN ?? '') !== '';
  const complaint = complaintOf(listen === null ? '$POOLCTL_LISTEN' : 'supervisor.listen', written, hasToken);
  if (complaint === null) return [];
  const isForHost = complaint.hint === tokenHint && devices === null;
  return [problem(draft, place, { ...complaint, severity: isForHost ? 'warning' : 'error' })];
};

const tokenHint = 'set token_file or $POOLCTL_TOKEN, or listen on 127.0.0.1';

function complaintOf(name: string, listen: string, hasToken: boolean): Complaint | null {
  const address = parseAddress(listen);
  const port = /:(\d+)$/.exec(listen)?.[1];
  if (address === null && Number(port) > 65535)
    return { code: 'INVALID_VALUE', message: `${name} must have a port up to 65535, has ${port}` };
  if (address === null)
    return { code: 'INVALID_VALUE', message: `${name} must be host:port, such as 127.0.0.1:9200, is "${listen}"` };
  if (isLoopback(address.host) || hasToken) return null;
  return {
    code: 'INVALID_VALUE',
    message: `${name} is ${listen}, which others can reach, and there is no token`,
    hint: tokenHint,
  };
}
