import { describe, expect, it } from 'vitest';
import { flagCount, flagValue, hasFlag, unlessGiven } from '../../src/engines/flags.js';
import fc from '../rig/chance.js';

describe('flags in args', () => {
  it.each([
    [['--n-gpu-layers', '10'], true],
    [['--n-gpu-layers=10'], true],
    [['--n_gpu_layers', '10'], true],
    [['-ngl', '10'], true],
    [['-c', '4096', '-ngl', '10'], true],
    [['--n-gpu-layers-draft', '10'], false],
    [['-n', 'gl'], false],
    [['x--n-gpu-layers'], false],
    [[], false],
  ])('%j', (args, given) => {
    expect(hasFlag(args, '--n-gpu-layers', '-ngl')).toBe(given);
    expect(unlessGiven(args, ['--n-gpu-layers', '-ngl'], ['--n-gpu-layers', '999'])).toEqual(
      given ? [] : ['--n-gpu-layers', '999'],
    );
  });

  it.each([
    [['--parallel', '4'], '4', 4],
    [['--parallel=4'], '4', 4],
    [['-np', '2', '--parallel', '4'], '4', 4],
    [['--parallel=a=b'], 'a=b', null],
    [['--parallel'], null, null],
    [['--parallel', '-1'], '-1', null],
    [['--parallel', '0'], '0', null],
    [['--parallel', '${SLOTS}'], '${SLOTS}', null],
    [[], null, null],
  ])('the value in %j is %j, the count %j', (args, value, count) => {
    expect(flagValue(args, '--parallel', '-np')).toBe(value);
    expect(flagCount(args, '--parallel', '-np')).toBe(count);
  });

  it('finds a value wherever it stands, however it is written', () => {
    const noise = fc.array(fc.string().filter((arg) => !arg.startsWith('--par') && !arg.startsWith('-np')));
    fc.assert(
      fc.property(noise, noise, fc.nat({ max: 1000 }), fc.boolean(), (before, after, n, joined) => {
        const flag = joined ? [`--parallel=${n + 1}`] : ['--parallel', String(n + 1)];
        expect(flagCount([...before, ...flag, ...after], '--parallel')).toBe(n + 1);
      }),
    );
  });
});
