/** The GPUs as nvidia-smi tells of them: all is well, or the tool hangs, fails, dies, or does not see some of them any more. */

import type { FakeNvidiaSmi, Plan } from '../rig/fake-nvidia-smi.js';
import { gpuCount } from './pools.js';
import { type Part, pause } from './run-state.js';

const gpus = Array.from({ length: gpuCount }, () => ({}));
export const healthy: Plan = { gpus };

export class Gpus {
  /** A working tool does not list a device of the inventory: with that no supervisor begins. */
  areMissing = false;
  private said: Promise<void> = Promise.resolve();

  constructor(private readonly nvidia: FakeNvidiaSmi) {}

  say(plan: Plan, areMissing = false): Promise<void> {
    this.areMissing = areMissing;
    this.said = this.said.then(() => this.nvidia.say(plan));
    return this.said;
  }

  /** Before a supervisor begins. */
  async present(): Promise<void> {
    if (this.areMissing) await this.say(healthy);
  }
}

type Fault = { readonly name: string; readonly plan: Plan; readonly missing?: true };

const faults: readonly Fault[] = [
  { name: 'nvidia-smi hangs', plan: { gpus, hang: true } },
  { name: 'nvidia-smi fails', plan: { gpus, fail: { code: 9, text: 'NVIDIA-SMI has failed' } } },
  { name: 'nvidia-smi is killed', plan: { gpus, killedBy: 'SIGKILL' } },
  { name: 'nvidia-smi does not fit the driver', plan: { gpus, driverMismatch: true } },
  { name: 'nvidia-smi sees no GPU', plan: { gpus: [] }, missing: true },
  { name: 'a GPU is lost', plan: { gpus: gpus.map((gpu, n) => (n === 2 ? { lost: '0000:02:00.0' } : gpu)) }, missing: true },
];

export const gpuFaults: Part = async ({ chronicle, supervisor, gpus: told }, random, signal) => {
  while (!signal.aborted) {
    await pause(random.exponential(8_000), signal);
    if (signal.aborted) return;
    const { name, plan, missing = false } = random.pick(faults);
    if (missing && supervisor.steadyMs() === 0) continue;
    chronicle.count('faults', name);
    chronicle.line(`fault: ${name}`);
    await told.say(plan, missing);
    await pause(random.between(500, 8_000), signal);
    await told.say(healthy);
  }
};
