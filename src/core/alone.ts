/** Down, and alone: who had left the group of an engine that died goes first. */

import type { ExitEvidence } from './facts.js';
import type { Intent } from './life.js';
import type { Replica } from './replica.js';
import { rest } from './rest.js';
import { become, type Scene, type Turn } from './turn.js';
import { reasonOf } from './words.js';

/** After SIGKILL to group and tree an engine has this long before it is reported as stuck. */
export const killWaitMs = 5_000;

/** Nothing is to run any more. Stopped is said only when nobody is left: of who died last, somebody who had left its group may be. */
export function restAlone(replica: Replica, scene: Scene): Turn {
  const { died: engine } = replica;
  if (engine === null) return rest(replica, scene);
  const intent: Intent = { kind: 'strays' };
  const deadline = scene.now + killWaitMs;
  return become(
    replica,
    { state: 'stopping', engine, intent, rung: 'kill', deadline, exit: unseen, left: [], sweepAt: null },
    scene,
    { event: 'replica.stopping', because: intent.kind, reason: reasonOf(intent) },
    [{ type: 'record' }, { type: 'sweep', launch: engine.launch, identity: engine.identity, mode: 'kill' }],
  );
}

/** How an engine ended whose end nobody has to judge. */
export const unseen: ExitEvidence = { code: null, signal: null, spawnError: null, lastLines: [], diagnosis: null };
