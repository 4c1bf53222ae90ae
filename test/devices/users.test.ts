import { describe, expect, it } from 'vitest';
import { devicesOf, gpuFields, parseGpus, parseMigSlices } from '../../src/devices/nvidia.js';
import { parseComputeApps, usersOf } from '../../src/devices/users.js';
import fc from '../rig/chance.js';

const MiB = 1024 * 1024;
const first = 'GPU-00000000-1111-2222-3333-444444444444';
const second = 'GPU-11111111-1111-2222-3333-444444444444';

describe('the list of compute processes', () => {
  it('reads who uses what', () => {
    const output = `${first}, 812, /usr/bin/python3, 6144\n${second}, 4242, VLLM::EngineCore, 15000 MiB\n`;
    expect(parseComputeApps(output)).toEqual({
      users: [
        { uuid: first, pid: 812, name: '/usr/bin/python3', usedBytes: 6144 * MiB },
        { uuid: second, pid: 4242, name: 'VLLM::EngineCore', usedBytes: 15000 * MiB },
      ],
      complete: true,
    });
  });

  it.each(['[N/A]', '[Insufficient Permissions]', '[Not Supported]', 'lots'])('memory of %s is not known', (cell) => {
    expect(parseComputeApps(`${first}, 812, python3, ${cell}`).users).toMatchObject([{ pid: 812, usedBytes: null }]);
  });

  it.each(['[Not Found]', '[Insufficient Permissions]', ''])('a name of %j is none', (cell) => {
    expect(parseComputeApps(`${first}, 812, ${cell}, 12`).users).toMatchObject([{ pid: 812, name: null, usedBytes: 12 * MiB }]);
  });

  it('keeps a name with commas whole, and the memory what stands last', () => {
    expect(parseComputeApps(`${first}, 812, /opt/a,b/serve, --x=1,2, 512`).users).toEqual([
      { uuid: first, pid: 812, name: '/opt/a, b/serve, --x=1, 2', usedBytes: 512 * MiB },
    ]);
  });

  it.each([
    `${first}, [N/A], python3, 12`,
    `${first}, 0, python3, 12`,
    '[Not Supported]',
    'No running processes found',
    `${first}, 12`,
  ])('%s is nobody, and leaves the list incomplete', (line) => {
    expect(parseComputeApps(line)).toEqual({ users: [], complete: false });
    expect(parseComputeApps(`${line}\n${second}, 7, x, 1`)).toMatchObject({ users: [{ pid: 7 }], complete: false });
  });

  it('that is empty is complete', () => {
    expect(parseComputeApps('\n')).toEqual({ users: [], complete: true });
  });

  it('never throws, whatever is printed, and names nobody who cannot be', () => {
    const cell = fc.oneof(fc.string(), fc.constantFrom(first, '812', '[N/A]', '1e999', '-3', '99999999999', 'python3'));
    const line = fc.array(cell).map((cells) => cells.join(', '));
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const { users } = parseComputeApps(lines.join('\n'));
        for (const { uuid, pid, name, usedBytes } of users) {
          expect(uuid).toMatch(/^(GPU|MIG)-/i);
          expect(Number.isSafeInteger(pid) && pid > 0).toBe(true);
          expect(name).not.toBe('');
          expect(usedBytes === null || Number.isFinite(usedBytes)).toBe(true);
        }
      }),
    );
  });
});

describe('users of the devices that a mask may name', () => {
  const cut = (slices: number) => {
    const mig = Array.from({ length: slices }, (_, n) => `  MIG 1g.10gb     Device  ${n}: (UUID: MIG-aaaa${n}-bbbb)`);
    const list = parseMigSlices([`GPU 1: NVIDIA A100 (UUID: ${second})`, ...mig].join('\n'));
    const cells = (enabled: string) => `81920, 81000, 8.0, 0, 30, 60.1, ${enabled}, [N/A], [N/A], None`;
    const rows = parseGpus(`0, ${first}, A100, ${cells('Disabled')}\n1, ${second}, A100, ${cells('Enabled')}`, gpuFields);
    return { rows, slices: list, devices: devicesOf(rows, list), complete: true };
  };
  const user = (uuid: string) => ({ uuid, pid: 7, name: null, usedBytes: null });

  it('are those whose devices are listed', () => {
    const { devices, ...looked } = cut(0);
    expect(usersOf(devices, { ...looked, users: [user(first), user('GPU-gone')] })).toEqual([user(first)]);
  });

  it('on a slice by its own UUID', () => {
    const { devices, ...looked } = cut(2);
    expect(usersOf(devices, { ...looked, users: [user('MIG-aaaa1-bbbb')] })).toEqual([user('MIG-aaaa1-bbbb')]);
  });

  it('on the only slice of the GPU that is told', () => {
    const { devices, ...looked } = cut(1);
    expect(usersOf(devices, { ...looked, users: [user(second)] })).toEqual([user('MIG-aaaa0-bbbb')]);
  });

  it('cannot be told where the GPU has several', () => {
    const { devices, ...looked } = cut(2);
    expect(usersOf(devices, { ...looked, users: [user(first), user(second)] })).toBeNull();
  });
});
