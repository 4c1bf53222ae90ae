/** The machine's GPUs and who uses them, asked of the vendors' tools, which hang, fail and lie; none of that may reach the caller. */

import type { DevicesObservation } from '../core/facts.js';
import type { Instant } from '../core/model.js';
import { createAmd } from './amd.js';
import { createDeviceUsers } from './device-users.js';
import { createNvidia } from './nvidia.js';
import { together } from './together.js';

/** `dataAt` is when the devices were read from a working tool; null where they never were. */
export type DevicesReading = DevicesObservation & { readonly dataAt: Instant | null };

export type GpuReader = {
  /**
   * Never rejects, and settles within the timeouts of its calls. Calls that overlap share one answer. While a tool that was killed for taking
   * too long has not ended (it may hang inside the driver for ever), no second one is started. Each vendor has its own tool: one that hangs
   * does not take the other's devices away.
   */
  read(): Promise<DevicesReading>;
  /** Ends the calls that are out; what comes of them is of no use. */
  close(): void;
};

export type GpuReaderOptions = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => Instant;
  /** @default 10000 (a cold driver needs seconds) */
  readonly timeoutMs?: number;
  /** What a call is ended with when its time is up. @default SIGKILL */
  readonly killSignal?: NodeJS.Signals;
  /** @default /proc */
  readonly procRoot?: string;
};

export function createGpuReader({
  env,
  now,
  timeoutMs = 10_000,
  killSignal = 'SIGKILL',
  procRoot = '/proc',
}: GpuReaderOptions): GpuReader {
  const ending = new AbortController();
  const options = { env, now, timeoutMs, killSignal, end: ending.signal };
  const { identify, trusted } = createDeviceUsers(procRoot);
  const nvidia = createNvidia(options, trusted);
  const amd = createAmd(options, trusted);
  let reading: Promise<DevicesReading> | null = null;

  return {
    read() {
      reading ??= observe().finally(() => {
        reading = null;
      });
      return reading;
    },
    close: () => ending.abort(),
  };

  async function observe(): Promise<DevicesReading> {
    const askedAt = now();
    const [ofNvidia, ofAmd] = await Promise.all([nvidia(), amd()]);
    const { users, ...seen } = together(ofNvidia, ofAmd, now());
    return { ...seen, processes: users === null ? null : await identify(users), askedAt };
  }
}
