/** Whether the supervisor grows with its age: what it holds in each calm, when twelve engines serve and nothing else happens. */

import { readFileSync } from 'node:fs';
import { descriptorsOf } from '../../src/host/proc.js';

/** `generation`: which supervisor it is. */
export type Sample = { readonly generation: number; readonly rssBytes: number; readonly descriptors: number };

/** Caches fill and the heap finds its size at first: nothing is held against that time. */
const settlingShare = 0.25;
/** A heap breathes by so much. */
const breathBytes = 16 * 2 ** 20;
/** Connections that are just being closed. */
const passingDescriptors = 8;
const fewest = 8;

export class Growth {
  private readonly samples: Sample[] = [];

  sample(generation: number, pid: number): Sample {
    const rss = Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
    const sample = { generation, rssBytes: rss, descriptors: descriptorsOf(pid)?.length ?? 0 };
    this.note(sample);
    return sample;
  }

  note(sample: Sample): void {
    this.samples.push(sample);
  }

  /** Descriptors are as many in every calm, whichever supervisor it is. */
  descriptorLeak(): string | null {
    const [first, ...later] = this.samples;
    const most = later.find(({ descriptors }) => descriptors > (first?.descriptors ?? 0) + passingDescriptors);
    return first === undefined || most === undefined
      ? null
      : `the supervisor has ${most.descriptors} descriptors open in a calm, and had ${first.descriptors} in the first one`;
  }

  /** The second half of one supervisor's life against the first, without its beginning; null: too short, or it does not grow. */
  memoryLeak(): string | null {
    const { before, after } = this.halves();
    if (before.length < fewest / 2) return null;
    const grownBytes = median(after) - median(before);
    return grownBytes > breathBytes
      ? `the supervisor has grown by ${mib(grownBytes)} MiB, from ${mib(median(before))} to ${mib(median(after))} MiB`
      : null;
  }

  summary(): string {
    if (this.samples.length === 0) return 'no calm came';
    const of = (values: readonly number[], text: (value: number) => string | number): string =>
      `${text(Math.min(...values))}-${text(Math.max(...values))}`;
    const { before, after } = this.halves();
    const course = before.length < fewest / 2 ? '' : `, median ${mib(median(before))} and then ${mib(median(after))} MiB`;
    return `${of(
      this.samples.map(({ rssBytes }) => rssBytes),
      mib,
    )} MiB resident${course}, ${of(
      this.samples.map(({ descriptors }) => descriptors),
      String,
    )} descriptors in ${this.samples.length} calms`;
  }

  /** Of the supervisor that was seen last, once it had settled. */
  private halves(): { readonly before: readonly number[]; readonly after: readonly number[] } {
    const last = this.samples.at(-1)?.generation;
    const own = this.samples.filter(({ generation }) => generation === last).map(({ rssBytes }) => rssBytes);
    const settled = own.slice(Math.ceil(own.length * settlingShare));
    const middle = Math.floor(settled.length / 2);
    return { before: settled.slice(0, middle), after: settled.slice(middle) };
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
