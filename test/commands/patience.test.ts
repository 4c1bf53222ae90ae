import { describe, expect, it } from 'vitest';
import { patience } from '../../commands/ask/operation.js';
import type { OperationView } from '../../src/api/wire.js';

const operation = (kind: string, running: string, loadMs: number | null): OperationView =>
  ({
    kind,
    startup_deadline_ms: loadMs,
    steps: ['r0', 'r1'].map((replica_id) => ({ replica_id, state: replica_id === running ? 'running' : 'done' })),
  }) as unknown as OperationView;

describe('patience', () => {
  it('ends where it was said, whatever happens', () => {
    const left = patience(30_000, 1_000);
    expect(left(operation('restart', 'r0', null), 21_000)).toBe(10_000);
    expect(left(operation('restart', 'r0', 60_000), 31_500)).toBe(-500);
  });

  it('has no end while nothing loads, and then the time of a load and a margin', () => {
    const left = patience(undefined, 0);
    expect(left(operation('start', 'r0', null), 50_000)).toBe(Number.POSITIVE_INFINITY);
    expect(left(operation('start', 'r0', 60_000), 50_000)).toBe(20_000);
  });

  it('gives each replica of a restart that time from when it begins to load, however long it has drained', () => {
    const left = patience(undefined, 0);
    expect(left(operation('restart', 'r0', null), 290_000)).toBe(Number.POSITIVE_INFINITY);
    expect(left(operation('restart', 'r0', 60_000), 300_000)).toBe(70_000);
    expect(left(operation('restart', 'r0', 60_000), 340_000)).toBe(30_000);
    // After a failure it loads again, in the same time.
    expect(left(operation('restart', 'r0', null), 345_000)).toBe(Number.POSITIVE_INFINITY);
    expect(left(operation('restart', 'r0', 60_000), 350_000)).toBe(20_000);
    expect(left(operation('restart', 'r1', 60_000), 360_000)).toBe(70_000);
  });
});
