/** Puts fake-nvidia-smi.mjs on a PATH of its own and steers it. */

import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Keys are the tool's own field names; what is left out has the value of a healthy RTX 3090. */
export type FakeGpu = {
  readonly index?: number;
  readonly uuid?: string;
  readonly name?: string;
  readonly 'memory.total'?: number | string;
  readonly 'memory.free'?: number | string;
  readonly compute_cap?: string;
  readonly 'utilization.gpu'?: number | string;
  readonly 'temperature.gpu'?: number | string;
  readonly 'power.draw'?: string;
  readonly 'pci.bus_id'?: string;
  readonly 'ecc.errors.uncorrected.volatile.total'?: number | string;
  readonly gpu_recovery_action?: string;
  /** MIG mode is on, with these slices. */
  readonly mig?: readonly { readonly profile: string; readonly uuid: string }[];
  /** The tool cannot open it, and names it by this bus id. */
  readonly lost?: string;
};

export type FakeUser = {
  /** By its position, or any UUID. */
  readonly gpu: number | string;
  readonly pid: number | string;
  readonly name?: string;
  /** In MiB. */
  readonly used_memory?: number | string;
};

export type Plan = {
  /** None: "No devices were found", exit 6. */
  readonly gpus?: readonly FakeGpu[];
  /** Never answers, and ignores SIGTERM. */
  readonly hang?: boolean;
  readonly killedBy?: NodeJS.Signals;
  readonly fail?: { readonly code: number; readonly text: string };
  readonly driverMismatch?: boolean;
  /** As an old driver has it. */
  readonly unknownFields?: readonly string[];
  /** Who uses the GPUs. Without this key the tool cannot tell. */
  readonly processes?: readonly FakeUser[];
  /** Only the question for processes fails. */
  readonly processesFail?: { readonly code: number; readonly text: string };
  /** Only the question for processes hangs. */
  readonly processesHang?: boolean;
};

export type FakeNvidiaSmi = {
  /** To be merged into the environment of whoever is to find the tool: PATH (the fake before everything else) and FAKE_NVIDIA_SMI. */
  readonly env: Readonly<Record<string, string>>;
  /** What the next call will say. */
  say(plan: Plan): Promise<void>;
  /** `<pid> <arguments>` of every call so far. */
  calls(): Promise<readonly string[]>;
  /** Takes the tool off the PATH. */
  vanish(): Promise<void>;
};

const script = fileURLToPath(new URL('./fake-nvidia-smi.mjs', import.meta.url));

/** A hang is played by the shell, which ignores SIGTERM from its first instruction on; Node would need a while to come that far. */
const launcher = `#!/bin/sh
if grep -q '"hang":true' "$FAKE_NVIDIA_SMI" || { grep -q '"processesHang":true' "$FAKE_NVIDIA_SMI" && [ "\${1#--query-compute}" != "$1" ]; }; then
  trap '' TERM
  echo "$$ $*" >> "$FAKE_NVIDIA_SMI.calls"
  exec sleep 3600
fi
exec '${process.execPath}' '${script}' "$@"
`;

/** `directory` becomes the fake's; it is made if it is not there. `path` is what follows it on PATH. */
export async function fakeNvidiaSmi(directory: string, plan: Plan, path = process.env.PATH ?? ''): Promise<FakeNvidiaSmi> {
  const bin = join(directory, 'bin');
  const file = join(directory, 'nvidia-smi.json');
  const program = join(bin, 'nvidia-smi');
  await mkdir(bin, { recursive: true });
  await writeFile(program, launcher);
  await chmod(program, 0o755);
  const fake: FakeNvidiaSmi = {
    env: { PATH: `${bin}:${path}`, FAKE_NVIDIA_SMI: file },
    async say(next) {
      await writeFile(`${file}.new`, JSON.stringify(next));
      await rename(`${file}.new`, file);
    },
    async calls() {
      return (await readFile(`${file}.calls`, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
    },
    vanish: () => rm(program),
  };
  await fake.say(plan);
  return fake;
}
