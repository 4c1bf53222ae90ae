/** What a reload is answered with: when it is over, or as soon as it has begun. */

import { describe, expect, it, test } from 'vitest';
import type { OperationView } from '../../src/api/wire.js';
import { ask, openStand, post, running, type StandWish } from './stand.js';

const path = '/v2/pools/chat/reload';
const body = { new_model_ref: '/models/other.gguf' };
const reload: OperationView = { ...running, kind: 'reload' };

const ending = (more: Partial<OperationView>): StandWish => ({
  operation: () => reload,
  operationEnded: async () => ({ ...reload, state: 'failed', ...more }),
});

describe('a reload', () => {
  it('is answered when it is over', async () => {
    const stand = await openStand(ending({ state: 'succeeded', outcome: 'reloaded' }));
    const wish = { ...body, digest: `SHA256:${'Ab'.repeat(32)}`, drain_deadline_ms: 5 };
    expect(await post(stand, path, wish)).toMatchObject({ status: 200, json: { kind: 'reload', outcome: 'reloaded' } });
    const chosen = { model: '/models/other.gguf', modelDigest: `sha256:${'ab'.repeat(32)}` };
    expect(stand.asked).toMatchObject([{ type: 'reload-requested', poolId: 'chat', chosen, drainMs: 5 }]);
  });

  test.each(['respond-async', 'wait=5, respond-async', 'Respond-Async; x=1'])(
    'is answered at once for whoever prefers that: %s',
    async (prefer) => {
      const stand = await openStand(ending({ state: 'succeeded', outcome: 'reloaded' }));
      expect(await post(stand, path, body, { prefer })).toMatchObject({ status: 202, json: { state: 'running' } });
    },
  );

  test.each([
    ['rolled_back', 'RELOAD_FAILED', 502, 'RELOAD_FAILED', true],
    ['rollback_failed', 'RELOAD_FAILED', 502, 'RELOAD_FAILED', true],
    ['drain_timeout', 'DRAIN_TIMEOUT', 409, 'DRAIN_TIMEOUT', true],
    ['failed', 'MODEL_UNAVAILABLE', 422, 'MODEL_UNAVAILABLE', false],
    ['interrupted', 'OPERATION_FAILED', 502, 'RELOAD_FAILED', true],
  ])('that ended as %s is told as what it is', async (outcome, code, status, told, isBeside) => {
    const error = { code, message: 'cannot reload chat: why', why: 'it would not', hint: 'poolctl status chat' };
    const stand = await openStand(ending({ outcome, error }));
    const reply = await post(stand, path, body);
    expect(reply).toMatchObject({ status, json: { error: { ...error, code: told, pool_id: 'chat', retriable: false } } });
    expect(reply.json).toEqual({
      error: expect.anything(),
      ...(isBeside ? { operation: { ...reload, state: 'failed', outcome, error } } : {}),
    });
  });

  test.each([
    [{}, 400, 'INVALID_PARAMS', '"new_model_ref" is missing'],
    [{ new_model_ref: null }, 400, 'INVALID_PARAMS', '"new_model_ref" is missing'],
    [{ new_model_ref: 'bad:' }, 400, 'INVALID_PARAMS', 'cannot use the model "bad:": it is no URL'],
    [{ ...body, digest: 'sha256:0' }, 400, 'INVALID_PARAMS', 'sha256: and 64 hexadecimal digits'],
  ])('cannot be meant by %j', async (given, status, code, message) => {
    const stand = await openStand();
    const reply = await post(stand, path, given);
    expect(reply).toMatchObject({ status, json: { error: { code } } });
    expect(reply.json?.error.message).toContain(message);
    expect(stand.asked).toEqual([]);
  });

  test.each([
    ['OPERATION_IN_PROGRESS', 409],
    ['NOT_SUPPORTED', 409],
    ['SHUTTING_DOWN', 503],
  ] as const)('is refused with %s', async (code, status) => {
    const stand = await openStand({ answer: { ok: false, refusal: { code, message: 'cannot reload "chat": not now' } } });
    expect(await post(stand, path, body)).toMatchObject({ status, json: { error: { code } } });
    expect(await ask(stand, { method: 'POST', path: '/v2/pools/chta/reload' })).toMatchObject({ status: 404 });
  });
});
