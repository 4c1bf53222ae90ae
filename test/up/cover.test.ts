/** What an engine says of its launch's secrets, on its way through the hands. */

import { expect, it } from 'vitest';
import type { Alarm, ExitEvidence, Offload } from '../../src/core/facts.js';
import { coveredHands } from '../../src/shell/covered.js';
import type { Hands, Reports } from '../../src/shell/perform.js';
import { makeCovers } from '../../src/up/cover.js';
import { diagnosisOf, exitOf, identityOf, probeResult, unmade } from '../rig/facts.js';
import { launchOf } from '../shell/launches.js';

const supervisorEnv = { HIDDEN: 'from-env-1', HF_TOKEN: 'of-ours-22', POOLCTL_TOKEN: 'of-api-333', PATH: '/usr/bin' };
const launch = launchOf({
  command: ['serve', '--api-key', 'flag-${POOL_ID}-4444'],
  env: { INNOCENT: { fromEnv: 'HIDDEN' }, API_KEY: { value: 'named-55555' }, PLAIN: { value: 'plain-666' } },
});
const covers = makeCovers({ supervisorEnv, stateDir: '/s', inventoryDir: '/i' });
const said = 'from-env-1 of-ours-22 of-api-333 flag-chat-4444 named-55555 plain-666 /usr/bin';
const shown = '*** *** *** *** *** plain-666 /usr/bin';

it('covers what came from where it is secret, with placeholders filled in, and leaves the rest', () => {
  expect(covers.of(launch)(said)).toBe(shown);
  expect(covers.lastOf('chat/r0')(said)).toBe(shown);
  expect(covers.lastOf('chat/r1')('--api-key x, and all else')).toBe('--api-key ***, and all else');
});

it('covers every text that hands bring back: exits, refused spawns, alarms, obstacles, versions; numbers pass', async () => {
  const told: unknown[] = [];
  const reports: Reports = {
    died: () => told.push('died'),
    exited: (exit, empty) => told.push(exit, empty),
    alarmed: (alarm) => told.push(alarm),
    offloaded: (offload) => told.push(offload),
  };
  const alarm: Alarm = { kind: 'sticky', class: 'gpu_error', subclass: 'device_lost', line: 3, text: said };
  const offload: Offload = { layers: 1, of: 2 };
  const exit: ExitEvidence = exitOf({
    lastLines: [said, 'plain'],
    diagnosis: diagnosisOf('config', { evidence: { line: 2, text: said }, summary: said, hint: said }),
  });
  const tellAll = (to: Reports): void => {
    to.died();
    to.alarmed(alarm);
    to.offloaded(offload);
    to.exited(exit, true);
  };
  const bare: Partial<Hands> = {
    check: async () => ({
      obstacles: [{ what: 'model', text: said, hint: said }],
      startupDeadlineMs: 1,
      portKnownFree: true,
      modelBytes: null,
      listed: true,
    }),
    async spawn(_, to) {
      tellAll(to);
      return { ok: false, error: unmade('ENOENT', said) };
    },
    async adopt(_, __, to) {
      tellAll(to);
      return true;
    },
    async seek(_, to) {
      tellAll(to);
      return null;
    },
    probe: async () => probeResult({ description: { engineVersion: said, slotsTotal: 1, ctxMax: null } }),
  };
  const hands = coveredHands(bare as Hands, covers.of);
  const identity = identityOf(1, 'i-1');
  expect((await hands.check(launch, () => undefined)).obstacles).toEqual([{ what: 'model', text: shown, hint: shown }]);
  expect(await hands.spawn(launch, reports)).toEqual({ ok: false, error: unmade('ENOENT', shown) });
  await hands.adopt(launch, identity, reports);
  await hands.seek(launch, reports);
  const covered = exitOf({
    lastLines: [shown, 'plain'],
    diagnosis: diagnosisOf('config', { evidence: { line: 2, text: shown }, summary: shown, hint: shown }),
  });
  const once = ['died', { ...alarm, text: shown }, offload, covered, true];
  expect(told).toEqual([...once, ...once, ...once]);
  const { description } = await hands.probe(launch, identity, { prove: false, describe: true, work: false });
  expect(description?.engineVersion).toBe(shown);
});
