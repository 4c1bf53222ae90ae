/** Watches the lives of engines, and says of each at its end why it died. */

import type { EngineIdentity, ExitEvidence } from '../core/facts.js';
import type { Launch } from '../core/messages.js';
import type { Kernel } from '../host/kernel.js';
import { watchLog } from './log-watch.js';
import type { Reports } from './perform.js';
import type { LogLimits } from './rotation.js';

export type LifeWatch = {
  /** The exit, with its diagnosis. To be called once; nothing is watched after, and no alarm comes any more. Never rejects. */
  ended(exit: ExitEvidence): Promise<ExitEvidence>;
  /** It has ended, and nobody asks why. Instead of `ended`. */
  leave(): void;
};

export type LifeWatches = {
  /** `leaf`: the directory of its cgroup, if it has its own. `adopted`: it was launched by an earlier supervisor. */
  watch(
    launch: Launch,
    identity: EngineIdentity,
    about: {
      readonly log: string;
      readonly leaf: string | null;
      readonly adopted: boolean;
      readonly reports: Pick<Reports, 'alarmed' | 'offloaded'>;
    },
  ): LifeWatch;
};

export function watchLives({
  kernel,
  now,
  onStorage,
  limitsOf = ({ spec }) => spec.logs,
}: {
  readonly kernel: Pick<Kernel, 'watch' | 'leave' | 'evidence'>;
  readonly now: () => number;
  /** A log could not be rotated, or can again (null). */
  readonly onStorage: (what: string, error: string | null) => void;
  /** How long its log may grow; read whenever that is asked. @default what it was launched with */
  readonly limitsOf?: ((launch: Launch) => LogLimits) | undefined;
}): LifeWatches {
  return {
    watch(launch, { pid, logOffset }, { log, leaf, adopted, reports }) {
      const watched = watchLog(launch, {
        path: log,
        limits: limitsOf(launch),
        offset: logOffset,
        adopted,
        ...reports,
        now,
        onStorage: (error) => onStorage(log, error),
      });
      kernel.watch(pid, leaf);
      return {
        async ended(exit) {
          const { code, signal } = exit;
          const devices = launch.devices.map(({ pciAddress }) => pciAddress);
          const evidence = await kernel.evidence({ pid, code, signal, devices });
          return { ...exit, diagnosis: await watched.diagnose(exit, evidence) };
        },
        leave() {
          kernel.leave(pid);
          watched.leave();
        },
      };
    },
  };
}
