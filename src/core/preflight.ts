/** What an obstacle before the launch means: wait and try again, or fail for good. */

import type { Obstacle } from './facts.js';

/** Memory comes back, devices and ports are freed; a missing file or a wrong digest stays so until somebody acts. */
const passes: Readonly<Record<Obstacle['what'], boolean>> = {
  device: true,
  memory: true,
  port: true,
  program: false,
  cwd: false,
  user: false,
  model: false,
  digest: false,
  // A network comes back, and room is made on a disk.
  download: true,
  env: false,
  'cpu-build': false,
};

export type PreflightVerdict =
  | { readonly go: true }
  | {
      readonly go: false;
      readonly permanent: boolean;
      readonly text: string;
      readonly hint: string | null;
      /** The first of those named. */
      readonly obstacle: Obstacle['what'] | null;
    };

/** Permanent obstacles rule over passing ones; all of them are named. */
export function judge(obstacles: readonly Obstacle[]): PreflightVerdict {
  if (obstacles.length === 0) return { go: true };
  const permanent = obstacles.filter(({ what }) => !passes[what]);
  const named = permanent.length > 0 ? permanent : obstacles;
  return {
    go: false,
    permanent: permanent.length > 0,
    text: named.map(({ text }) => text).join('; '),
    hint: named.find(({ hint }) => hint !== undefined)?.hint ?? null,
    obstacle: named[0]?.what ?? null,
  };
}
