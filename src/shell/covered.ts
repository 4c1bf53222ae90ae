/** The hands, with every text that they bring back from an engine covered: the one place where such texts come in. What they do stays. */

import type { ExitEvidence, Obstacle } from '../core/facts.js';
import type { Launch } from '../core/messages.js';
import type { Hands, Reports } from './perform.js';

/** The same text without the secrets of its launch. */
export type Cover = (text: string) => string;

export function coveredHands(hands: Hands, coverFor: (launch: Launch) => Cover): Hands {
  const covered = (launch: Launch, reports: Reports): Reports => {
    const cover = coverFor(launch);
    return {
      ...reports,
      exited: (exit, empty) => reports.exited(coveredExit(exit, cover), empty),
      alarmed: (alarm) => reports.alarmed({ ...alarm, text: cover(alarm.text) }),
    };
  };
  return {
    ...hands,
    async check(launch, onStaging) {
      const facts = await hands.check(launch, onStaging);
      const cover = coverFor(launch);
      return { ...facts, obstacles: facts.obstacles.map((obstacle) => coveredObstacle(obstacle, cover)) };
    },
    async spawn(launch, reports) {
      const made = await hands.spawn(launch, covered(launch, reports));
      return made.ok ? made : { ok: false, error: coveredExit(made.error, coverFor(launch)) };
    },
    seek: (launch, reports) => hands.seek(launch, covered(launch, reports)),
    adopt: (launch, identity, reports) => hands.adopt(launch, identity, covered(launch, reports)),
    async probe(launch, identity, ask) {
      const result = await hands.probe(launch, identity, ask);
      const version = result.description?.engineVersion ?? null;
      if (result.description === null || version === null) return result;
      return { ...result, description: { ...result.description, engineVersion: coverFor(launch)(version) } };
    },
  };
}

export function coveredObstacle({ text, hint, ...rest }: Obstacle, cover: Cover): Obstacle {
  return { ...rest, text: cover(text), ...(hint === undefined ? {} : { hint: cover(hint) }) };
}

function coveredExit({ lastLines, diagnosis, spawnError, ...rest }: ExitEvidence, cover: Cover): ExitEvidence {
  return {
    ...rest,
    lastLines: lastLines.map(cover),
    spawnError: spawnError === null ? null : { ...spawnError, text: cover(spawnError.text) },
    diagnosis:
      diagnosis === null
        ? null
        : {
            ...diagnosis,
            evidence: diagnosis.evidence === null ? null : { ...diagnosis.evidence, text: cover(diagnosis.evidence.text) },
            summary: cover(diagnosis.summary),
            hint: diagnosis.hint === null ? null : cover(diagnosis.hint),
          },
  };
}
