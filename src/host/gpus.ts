/** The machine's GPUs, asked of nvidia-smi: a program that hangs, fails and lies, and none of that may reach the caller. */

import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { DevicesObservation } from '../core/messages.js';
import type { Device, Instant } from '../core/model.js';
import {
  devicesOf,
  explainFailure,
  type GpuField,
  gpuFields,
  listArgs,
  parseGpus,
  parseMigSlices,
  queryArgs,
  saysNoDevices,
  unknownField,
  unreachableGpus,
} from '../devices/nvidia.js';

/** `dataAt` is when the devices were read from a working tool; null where they never were. */
export type DevicesReading = DevicesObservation & { readonly dataAt: Instant | null };

export type GpuReader = {
  /**
   * Never rejects, and settles within the timeouts of its calls. Calls that overlap share one answer. While a tool that was killed for taking
   * too long has not ended (it may hang inside the driver for ever), no second one is started.
   */
  read(): Promise<DevicesReading>;
};

export type GpuReaderOptions = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => Instant;
  /** @default 10000 (a cold driver needs seconds) */
  readonly timeoutMs?: number;
  /** What a call is ended with when its time is up. @default SIGKILL */
  readonly killSignal?: NodeJS.Signals;
};

type Good = { readonly devices: readonly Device[]; readonly note: string | null };
type Failure = { readonly failure: string };
type Ended = { readonly stdout: string; readonly text: string; readonly code: number | null };

export function createGpuReader({ env, now, timeoutMs = 10_000, killSignal = 'SIGKILL' }: GpuReaderOptions): GpuReader {
  const run = createTool({ env: { ...env, LC_ALL: 'C' }, now, timeoutMs, killSignal });
  let fields: readonly GpuField[] = gpuFields;
  let lastGood: { readonly devices: readonly Device[]; readonly at: Instant } | null = null;
  let reading: Promise<DevicesReading> | null = null;

  return {
    read() {
      reading ??= observe().finally(() => {
        reading = null;
      });
      return reading;
    },
  };

  async function observe(): Promise<DevicesReading> {
    const askedAt = now();
    const processes = null;
    const program = await findOnPath('nvidia-smi', env.PATH);
    if (program === null && lastGood === null) {
      return { devices: [], tool: 'none', note: 'nvidia-smi is not on PATH', processes, askedAt, dataAt: null };
    }
    const answer = program === null ? { failure: 'nvidia-smi is no longer on PATH' } : await ask(program);
    if ('failure' in answer) {
      return {
        devices: lastGood?.devices ?? [],
        tool: 'failing',
        note: answer.failure,
        processes,
        askedAt,
        dataAt: lastGood?.at ?? null,
      };
    }
    const at = now();
    lastGood = { devices: answer.devices, at };
    return { devices: answer.devices, tool: 'working', note: answer.note, processes, askedAt, dataAt: at };
  }

  async function ask(program: string): Promise<Good | Failure> {
    const query = await queryKnownFields(program);
    if ('failure' in query) return query;
    const rows = parseGpus(query.stdout, fields);
    const unreachable = unreachableGpus(query.text);
    if (query.code !== 0 && (rows.length === 0 || unreachable.length === 0) && !saysNoDevices(query.text)) {
      return { failure: explainFailure(query.text, query.code) };
    }
    if (rows.length === 0 && query.stdout.trim() !== '' && !saysNoDevices(query.text)) {
      return { failure: `nvidia-smi printed no device that can be read: ${query.stdout.trim().slice(0, 120)}` };
    }
    const list = rows.some(({ migEnabled }) => migEnabled) ? await run(program, listArgs) : null;
    if (list !== null && 'failure' in list) return list;
    if (list !== null && list.code !== 0) return { failure: explainFailure(list.text, list.code) };
    const devices = devicesOf(rows, parseMigSlices(list?.stdout ?? ''));
    const notes = [
      ...unreachable.map((which) => `nvidia-smi cannot reach GPU ${which}`),
      ...rows
        .filter(({ device, migEnabled }) => migEnabled && !devices.some(({ index }) => index.startsWith(`${device.index}:`)))
        .map(({ device }) => `GPU ${device.index} is in MIG mode and has no MIG device`),
    ];
    return { devices, note: notes.length === 0 ? null : notes.join('; ') };
  }

  /** A field that this driver does not know is not asked for again. */
  async function queryKnownFields(program: string): Promise<Ended | Failure> {
    for (;;) {
      const answer = await run(program, queryArgs(fields));
      const unknown = 'failure' in answer ? null : unknownField(answer.text);
      const rest = fields.filter((field) => field !== unknown);
      if (rest.length === fields.length) return answer;
      fields = rest;
    }
  }
}

async function findOnPath(program: string, path: string | undefined): Promise<string | null> {
  for (const directory of (path ?? '').split(':').filter((entry) => entry !== '')) {
    const candidate = join(directory, program);
    if (
      await access(candidate, constants.X_OK).then(
        () => true,
        () => false,
      )
    ) {
      return candidate;
    }
  }
  return null;
}

type ToolOptions = Required<GpuReaderOptions>;

/** One process at a time: one that outlives its time is killed, told as a failure, and stands in the way of the next until it has ended. */
function createTool({
  env,
  now,
  timeoutMs,
  killSignal,
}: ToolOptions): (program: string, args: readonly string[]) => Promise<Ended | Failure> {
  let hung: { readonly pid: number | undefined; readonly since: Instant } | null = null;

  return async (program, args) => {
    if (hung !== null) {
      return {
        failure: `nvidia-smi (pid ${hung.pid}) has hung for ${Math.round((now() - hung.since) / 1000)}s and does not die`,
      };
    }
    const since = now();
    // Only here: a machine without the tool never pays for loading it.
    const { execa } = await import('execa');
    const child = execa(program, args, { env, extendEnv: false, stdin: 'ignore', reject: false, maxBuffer: 1024 * 1024 });
    const outcome = await withinTime(child, timeoutMs);
    if (outcome !== null) {
      const { stdout, stderr, exitCode, signal, code, shortMessage } = outcome;
      if (code !== undefined) return { failure: `nvidia-smi failed: ${shortMessage}` };
      if (signal !== undefined) return { failure: `nvidia-smi failed: it was ended by ${signal}` };
      return { stdout, text: `${stdout}\n${stderr}`, code: exitCode ?? null };
    }
    const mine = { pid: child.pid, since };
    hung = mine;
    child.once('exit', () => {
      if (hung === mine) hung = null;
    });
    child.kill(killSignal);
    // Nothing of a process that may never end may keep ours from ending.
    child.stdout?.destroy();
    child.stderr?.destroy();
    child.unref();
    return { failure: `nvidia-smi timed out after ${timeoutMs / 1000}s` };
  };
}

async function withinTime<T>(work: PromiseLike<T>, timeoutMs: number): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, null);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
