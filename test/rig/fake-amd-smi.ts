/** Puts fake-amd-smi.mjs on a PATH of its own and steers it. */

import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Keys are the tool's own; what is left out has the value of a healthy RX 7900 XTX. */
type FakeAmdGpu = {
  readonly bdf?: string;
  readonly uuid?: string;
  readonly hip_id?: number | string;
  readonly hip_uuid?: string;
  readonly node_id?: number | string;
  readonly name?: string;
  /** In MiB. */
  readonly used_vram?: number;
  readonly ecc?: number;
};

export type AmdPlan = {
  /** None: the tool finds no GPU. */
  readonly gpus?: readonly FakeAmdGpu[];
  /** Never answers, and ignores SIGTERM. */
  readonly hang?: boolean;
  readonly fail?: { readonly code: number; readonly text: string };
  /** As an old release has it. */
  readonly unknownArguments?: readonly string[];
  /** Who uses the GPUs, by position. Without this key amd-smi does not tell. */
  readonly processes?: readonly {
    readonly gpu: number;
    readonly pid: number;
    readonly name?: string;
    readonly used_bytes?: number;
  }[];
};

export type FakeAmdSmi = {
  /** To be merged into the environment of whoever is to find the tool. */
  readonly env: Readonly<Record<string, string>>;
  say(plan: AmdPlan): Promise<void>;
  /** `<pid> <tool> <arguments>` of every call so far. */
  calls(): Promise<readonly string[]>;
  /** Takes the tools off the PATH. */
  vanish(): Promise<void>;
};

const script = fileURLToPath(new URL('./fake-amd-smi.mjs', import.meta.url));

const launcher = (tool: string): string => `#!/bin/sh
if grep -q '"hang":true' "$FAKE_AMD_SMI"; then
  trap '' TERM
  echo "$$ ${tool} $*" >> "$FAKE_AMD_SMI.calls"
  exec sleep 3600
fi
exec '${process.execPath}' '${script}' ${tool} "$@"
`;

/** `directory` becomes the fake's; `path` is what follows it on PATH. */
export async function fakeAmdSmi(
  directory: string,
  plan: AmdPlan,
  {
    path = process.env.PATH ?? '',
    tools = ['amd-smi'],
  }: { readonly path?: string | undefined; readonly tools?: readonly ('amd-smi' | 'rocm-smi')[] } = {},
): Promise<FakeAmdSmi> {
  const bin = join(directory, 'bin');
  const file = join(directory, 'amd-smi.json');
  await mkdir(bin, { recursive: true });
  for (const tool of tools) {
    await writeFile(join(bin, tool), launcher(tool));
    await chmod(join(bin, tool), 0o755);
  }
  const fake: FakeAmdSmi = {
    env: { PATH: `${bin}:${path}`, FAKE_AMD_SMI: file },
    async say(next) {
      await writeFile(`${file}.new`, JSON.stringify(next));
      await rename(`${file}.new`, file);
    },
    async calls() {
      return (await readFile(`${file}.calls`, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
    },
    async vanish() {
      for (const tool of tools) await rm(join(bin, tool));
    },
  };
  await fake.say(plan);
  return fake;
}
