/** Each kind of line that a driver writes of a GPU, as the kernel's log has it. */

import { expect, it } from 'vitest';
import { deviceReportOf } from '../../src/diagnosis/device-report.js';
import fc from '../rig/chance.js';

it.each([
  [
    "NVRM: Xid (PCI:0000:65:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
    ['0000:65:00', 'error', 'xid_79', 'has fallen off the bus (Xid 79)', 'reboot'],
  ],
  [
    'NVRM: Xid (0000:65:00): 31, Ch 00000003, engmask 00000101, intr 10000000',
    ['0000:65:00', 'error', 'xid_31', 'reported a page fault of a program (Xid 31)', null],
  ],
  [
    'NVRM: Xid (PCI:0000:65:00): 48, pid=812, name=python3, An uncorrectable double bit error (DBE) has been detected',
    ['0000:65:00', 'error', 'xid_48', 'reported an uncorrectable memory error (Xid 48, ECC)', 'reset'],
  ],
  [
    'NVRM: Xid (PCI:0000:10:1c): 63, pid=812, Row Remapper: New row marked for remapping, reset gpu to activate.',
    ['0000:10:1c', 'error', 'xid_63', 'has a row of memory that is to be replaced at the next reset (Xid 63, ECC)', null],
  ],
  [
    'NVRM: Xid (PCI:0000:65:00): 64, pid=812, Row Remapper: Row remapping failure',
    ['0000:65:00', 'error', 'xid_64', 'has a row of memory that could not be replaced (Xid 64, ECC)', 'reset'],
  ],
  [
    'NVRM: Xid (PCI:0000:C1:00 GPU-I:05): 94, pid=812, name=python3, Contained: SM (0x1)',
    ['0000:c1:00', 'error', 'xid_94', 'reported a memory error that was contained to a program (Xid 94, ECC)', null],
  ],
  [
    'NVRM: Xid (PCI:0000:65:00): 95, pid=812, Uncontained: LTC TAG',
    ['0000:65:00', 'error', 'xid_95', 'reported a memory error that was not contained (Xid 95, ECC)', 'reset'],
  ],
  [
    'NVRM: Xid (PCI:0000:65:00): 119, pid=812, name=python3, Timeout after 45s of waiting for RPC response from GPU0 GSP!',
    ['0000:65:00', 'error', 'xid_119', 'has a system processor that does not answer (Xid 119)', 'reset'],
  ],
  ['NVRM: Xid (PCI:000a:65:00): 38, pid=812', ['000a:65:00', 'error', 'xid_38', 'reported an error (Xid 38)', null]],
  [
    'NVRM: Xid (PCI:0000:65:00): 154, GPU recovery action changed from 0x0 (None) to 0x1 (GPU Reset Required)',
    ['0000:65:00', 'error', 'xid_154', 'says that it must be reset (Xid 154)', 'reset'],
  ],
  [
    'NVRM: Xid (PCI:0000:65:00): 154 GPU recovery action changed from 0x0 (None) to 0x4 (Drain and Reset)',
    ['0000:65:00', 'error', 'xid_154', 'says that it must be reset (Xid 154)', 'reset'],
  ],
  [
    'NVRM: Xid (PCI:0000:65:00): 154, GPU recovery action changed from 0x1 (GPU Reset Required) to 0x2 (Node Reboot Required)',
    ['0000:65:00', 'error', 'xid_154', 'says that the machine must be rebooted (Xid 154)', 'reboot'],
  ],
  [
    'NVRM: Xid (PCI:0000:65:00): 154, GPU recovery action changed from 0x0 (None) to 0x3 (Drain P2P)',
    ['0000:65:00', 'error', 'xid_154', 'says what it needs to recover: Drain P2P (Xid 154)', null],
  ],
  [
    'NVRM: Xid (PCI:0000:65:00): 154, GPU recovery action changed from 0x1 (GPU Reset Required) to 0x0 (None)',
    ['0000:65:00', 'reset', 'xid_154', 'needs nothing any more to recover (Xid 154)', null],
  ],
  [
    'NVRM: GPU 0000:65:00.0: RmInitAdapter failed! (0x26:0x56:1474)',
    ['0000:65:00', 'error', 'init_failed', 'could not be initialized by its driver (RmInitAdapter failed)', null],
  ],
  [
    'amdgpu 0000:0a:00.0: amdgpu: GPU reset begin!',
    ['0000:0a:00', 'error', 'gpu_hang', 'hung, and is being reset by its driver', null],
  ],
  [
    'amdgpu 0000:0a:00.0: GPU reset begin!. Source:  1',
    ['0000:0a:00', 'error', 'gpu_hang', 'hung, and is being reset by its driver', null],
  ],
  ['amdgpu 0000:0a:00.0: amdgpu: GPU reset(3) succeeded!', ['0000:0a:00', 'reset', 'gpu_reset', 'was reset by its driver', null]],
  [
    'amdgpu 0000:0a:00.0: amdgpu: GPU reset(4) failed',
    ['0000:0a:00', 'error', 'gpu_reset_failed', 'could not be reset by its driver', 'reboot'],
  ],
  [
    'amdgpu 0000:0a:00.0: amdgpu: GPU Recovery Failed: -19',
    ['0000:0a:00', 'error', 'gpu_reset_failed', 'could not be reset by its driver', 'reboot'],
  ],
  [
    'amdgpu 0000:0a:00.0: amdgpu: device lost from bus!',
    ['0000:0a:00', 'error', 'lost_from_bus', 'has fallen off the bus', 'reboot'],
  ],
  [
    'amdgpu 0000:0a:00.0: amdgpu: ring gfx_0.0.0 timeout, signaled seq=2662395, emitted seq=2662397',
    ['0000:0a:00', 'error', 'ring_timeout', 'hangs on its ring gfx_0.0.0', null],
  ],
  [
    'amdgpu 0000:0a:00.0: [drm] *ERROR* ring comp_1.1.0 timeout, but soft recovered',
    ['0000:0a:00', 'error', 'ring_recovered', 'dropped work that hung on its ring comp_1.1.0', null],
  ],
  [
    'amdgpu 0000:63:00.0: amdgpu: socket: 0, die: 0 2 uncorrectable hardware errors detected in umc block',
    ['0000:63:00', 'error', 'ras_uncorrectable', 'reported uncorrectable hardware errors (ECC, block umc)', null],
  ],
  [
    'amdgpu 0000:63:00.0: {42}socket: 0, die: 0, 1 new uncorrectable hardware errors detected in gfx block',
    ['0000:63:00', 'error', 'ras_uncorrectable', 'reported uncorrectable hardware errors (ECC, block gfx)', null],
  ],
  [
    'amdgpu 0000:63:00.0: amdgpu: uncorrectable hardware error(ERREVENT_ATHUB_INTERRUPT) detected!',
    [
      '0000:63:00',
      'error',
      'ras_uncorrectable',
      'reported an uncorrectable hardware error (ECC, ERREVENT_ATHUB_INTERRUPT)',
      null,
    ],
  ],
  [
    'amdgpu 0000:0a:00.0: amdgpu: [gfxhub0] no-retry page fault (src_id:0 ring:24 vmid:3 pasid:32773)',
    ['0000:0a:00', 'error', 'page_fault', 'reported a page fault of a program', null],
  ],
] as const)('%s', (line, [address, kind, word, text, cure]) => {
  expect(deviceReportOf(line)).toEqual({ pciAddress: address, kind, word, text, cure });
});

it.each([
  'NVRM: GPU at PCI:0000:65:00: GPU-9a613ad4-057b-4fb1-8572-ae2d3c112a92',
  'NVRM: GPU Board Serial Number: 1234567890',
  // Said by an Xid as well, beside it.
  'NVRM: GPU 0000:65:00.0: GPU has fallen off the bus.',
  'NVRM: Xid 154, GPU recovery action changed from None to Node Reboot Required',
  'NVRM: Xid (PCI:0000:65:00): pid=812',
  'Out of memory: Killed process 812 (llama-server) total-vm:8kB, anon-rss:4kB, UID:0',
  'Out of memory: Killed process 812 (NVRM: Xid (PCI:0000:65:00): 79, ) total-vm:8kB',
  '[drm:amdgpu_job_timedout [amdgpu]] *ERROR* ring gfx timeout, signaled seq=610763, emitted seq=610766',
  'amdgpu 0000:0a:00.0: amdgpu: GPU reset succeeded, trying to resume',
  'amdgpu 0000:0a:00.0: amdgpu: ring gfx_0.0.0 uses VM inv eng 0 on hub 0',
  'amdgpu 0000:0a:00.0: amdgpu: no uncorrectable hardware errors detected in umc block',
  'amdgpu 0000:0a:00.0: amdgpu: 0 uncorrectable hardware errors detected in umc block',
  'amdgpu 0000:0a:00.0: amdgpu: 3 correctable hardware errors detected in umc block',
  'amdgpu 0000:0a:00.0: amdgpu: socket: 0, die: 0, 3 uncorrectable hardware errors detected in total in umc block',
  'amdgpu 0000:0a:00.0: amdgpu: Total 3 uncorrectable hardware errors detected in umc block',
  'amdgpu 0000:0a:00.0: amdgpu: [gfxhub0] retry page fault (src_id:0 ring:24 vmid:3 pasid:32773)',
  'amdgpu 0000:0a:00.0: amdgpu: Fetched VBIOS from VFCT',
])('%s: nothing', (line) => {
  expect(deviceReportOf(line)).toBeNull();
});

it('takes any text, and has of whatever it says an address, and a word of few', () => {
  const parts = fc.constantFrom(
    'NVRM: Xid (',
    'NVRM: GPU ',
    'amdgpu ',
    'PCI:0000:65:00',
    '0000:0a:00.0',
    '): ',
    ': ',
    '154, ',
    ' to 0x',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(parts, fc.string(), fc.nat().map(String)), { maxLength: 12 }), (pieces) => {
      const report = deviceReportOf(pieces.join(''));
      if (report === null) return;
      expect(report.pciAddress).toMatch(/^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}$/);
      expect(report.word).toMatch(/^(?:xid_\d{1,4}|[a-z]+(?:_[a-z]+)+)$/);
    }),
  );
});
