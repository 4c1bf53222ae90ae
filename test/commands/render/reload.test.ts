import { describe, expect, it, test } from 'vitest';
import { newsOfReload, overrideText, placeLines, reloadText } from '../../../commands/render/reload.js';
import type { EventLine, OperationView } from '../../../src/api/wire.js';
import { poolView, replicaView } from '../../rig/views.js';

const event = (more: object): EventLine => ({ id: '1', time: '', level: 'info', human: '', pool_id: 'chat', event: '', ...more });
const step = (replica_id: string, state: string, back = false) => ({
  replica_id,
  step: back ? 'back to a' : 'switch to b',
  state,
  detail: null,
});
const operation = (more: Partial<OperationView>): OperationView =>
  ({ pool_id: 'chat', state: 'succeeded', outcome: 'reloaded', cut: 0, steps: [], ...more }) as OperationView;
const override = { model_ref: '/home/me/m/b.gguf', since: '2026-03-01T13:00:00.000Z', file_model_ref: '/home/me/m/a.gguf' };

describe('the news', () => {
  const started = { event: 'reload.started', strategy: 'rolling', replicas: ['r0', 'r1'] };
  test.each([
    [{ ...started, detail: '9.8 GiB, GGUF 3' }, '~/m/b.gguf', 'chat: b.gguf is there (9.8 GiB, GGUF 3); rolling over r0, r1'],
    [{ ...started, strategy: 'recreate', replicas: ['r0'] }, 'org/b', 'chat: org/b is for the engine to find; recreating r0'],
    [started, 'https://me:secret@host/b.gguf?token=secret', 'chat: b is for the engine to find; rolling over r0, r1'],
    [{ event: 'reload.rolled_back', model_from: 'a', reason: 'exit\ncode 1' }, 'b', 'chat: goes back to a: exit code 1'],
    [{ event: 'reload.finished' }, 'b', null],
  ])('%j', (more, ref, line) => {
    expect(newsOfReload(event(more), ref)).toBe(line);
  });
});

describe('the places', () => {
  const places = (
    steps: OperationView['steps'],
    ...states: readonly ('ready' | 'starting' | 'preparing' | 'draining' | 'stopping')[]
  ) => {
    const replicas = states.map((state, n) => replicaView({ replica_id: `r${n}`, state, why: `why ${n}` }));
    const drains = replicas
      .filter(({ state }) => state === 'draining')
      .map(({ replica_id }) => ({
        name: `chat/${replica_id}`,
        state: 'draining',
        text: '1 lease',
        blockers: '',
        told: 'again' as const,
      }));
    return placeLines(operation({ steps }), replicas, drains).map(({ name, state, text, told }) => [name, state, text, told]);
  };

  it('have the last that is done, and what is under way', () => {
    expect(places([step('r0', 'done'), step('r1', 'done'), step('r2', 'running')], 'ready', 'ready', 'draining')).toEqual([
      ['chat/r1', 'ready', '', 'once'],
      ['chat/r2', 'draining', '1 lease', 'again'],
    ]);
    expect(places([step('r0', 'running'), step('r1', 'pending')], 'starting', 'ready')).toEqual([
      ['chat/r0', 'starting the new model', 'why 0', 'again'],
    ]);
    expect(places([step('r0', 'running'), step('r1', 'running')], 'preparing', 'stopping')).toEqual([
      ['chat/r0', 'starting the new model', 'why 0', 'late'],
      ['chat/r1', 'stopping', 'why 1', 'late'],
    ]);
  });

  it('on the way back are of the old model', () => {
    const steps = [step('r0', 'done'), step('r1', 'failed'), step('r1', 'done', true), step('r0', 'running', true)];
    expect(places(steps, 'starting', 'ready')).toEqual([
      ['chat/r1', 'ready', '', 'once'],
      ['chat/r0', 'starting the old model', 'why 0', 'again'],
    ]);
  });
});

describe('the end', () => {
  const took = { started_at: '2026-03-01T13:00:00.000Z', finished_at: '2026-03-01T13:01:32.000Z' };
  const before = poolView('chat', [replicaView()], { model_id: 'a', model_ref: '/home/me/m/a.gguf' });
  const replicas = [replicaView(), replicaView({ replica_id: 'r1' }), replicaView({ replica_id: 'r2', goal: 'down' })];
  const after = poolView('chat', replicas.slice(0, 2), { model_id: 'b', model_ref: override.model_ref, override });
  const about = { before, after, file: 'pools.yaml', home: '/home/me', holders: ['night'] };

  test.each([
    [{}, {}, 'chat reloaded in 1m32s: b on r0, r1. pools.yaml still names ~/m/a.gguf'],
    [{}, { after: { ...after, override: null } }, 'chat reloaded in 1m32s: b on r0, r1'],
    [{}, { after: { ...after, model_id: 'a', override: null } }, 'chat reloaded in 1m32s: b on r0, r1'],
    [{}, { after: { ...after, replicas, override: null } }, 'chat reloaded in 1m32s: b on r0, r1; r2 will have it when started'],
    [{ cut: 1 }, { after: { ...after, override: null } }, 'chat reloaded in 1m32s, 1 lease cut (night): b on r0, r1'],
    [{ outcome: 'unchanged' }, {}, 'chat runs a already'],
    [{ state: 'running' as const }, {}, 'chat: reload begun. Follow it: poolctl status chat --watch'],
  ])('%j', (how, known, text) => {
    expect(reloadText(operation({ ...took, ...how }), { ...about, ...known })).toBe(text);
  });
});

describe('an override', () => {
  test.each([
    [override, 'chat runs b; pools.yaml names a'],
    [{ ...override, file_model_ref: '/srv/b.gguf' }, 'chat runs ~/m/b.gguf; pools.yaml names /srv/b.gguf'],
    [
      { ...override, file_model_ref: override.model_ref },
      'chat runs ~/m/b.gguf by a reload, and pools.yaml wants another digest',
    ],
    [null, null],
  ])('%j', (of, text) => {
    expect(overrideText(poolView('chat', [], { override: of }), 'pools.yaml', '/home/me')).toBe(text);
  });
});
