/** AMD's GPUs and who uses them, asked of amd-smi, or of rocm-smi where only that is there. */

import { basename } from 'node:path';
import { devicesOfCards, explainAmdFailure, refuses, saysNoCards } from '../devices/amd.js';
import { type AmdRows, amdCards, amdSmiArgs, parseAmdProcesses, parseAmdSmi } from '../devices/amd-smi.js';
import { parseRocmSmi, rocmSmiArgs, rocmUsers } from '../devices/rocm-smi.js';
import type { DeviceUser, Listed } from '../devices/users.js';
import { createTool, type Failure, type ToolOptions } from './tool.js';
import { createVendor, type VendorAnswer, type VendorReading } from './vendor.js';

type Command = keyof typeof amdSmiArgs;
/** `of`: the numbers of the GPUs that were told of then. */
type Cards = { readonly of: string; readonly list: AmdRows; readonly facts: AmdRows };

const nobody: VendorAnswer = { devices: [], note: null, users: null };

/** `trusted`: what a list is worth as evidence, see host/device-users.ts. */
export function createAmd(
  options: ToolOptions,
  trusted: (listed: Listed) => readonly DeviceUser[] | null,
): () => Promise<VendorReading> {
  const { env, now, timeoutMs } = options;
  const run = createTool(options);
  /** Which way of asking this release understands. */
  const ways: Record<Command, number> = { list: 0, metric: 0, static: 0, process: 0 };
  /** What does not change while the same cards are there. */
  let known: Cards | null = null;
  return createVendor({ names: ['amd-smi', 'rocm-smi'], path: env.PATH, now }, (program) =>
    basename(program) === 'amd-smi' ? askAmdSmi(program) : askRocmSmi(program),
  );

  async function askAmdSmi(program: string): Promise<VendorAnswer | Failure> {
    const askedAt = now();
    const metric = await rowsOf(program, 'metric');
    if (metric === null) return nobody;
    if ('failure' in metric) return metric;
    const cards = await cardsOf(program, metric);
    if ('failure' in cards) return cards;
    const found = devicesOfCards(amdCards(cards.list, metric, cards.facts));
    const uuids = new Map(found.map(({ id, device }) => [id, device.uuid]));
    const leftMs = timeoutMs - (now() - askedAt);
    const answer = found.length === 0 || leftMs <= 0 ? null : await run(program, processArgs, leftMs);
    const users =
      answer === null || 'failure' in answer || answer.code !== 0
        ? null
        : trusted(parseAmdProcesses(answer.stdout, (id) => uuids.get(id) ?? null));
    return { devices: found.map(({ device }) => device), note: nameless('amd-smi', cards.list.size - found.length), users };
  }

  /** Asked anew when other GPUs are told of than before. Names are worth no failure. */
  async function cardsOf(program: string, metric: AmdRows): Promise<Cards | Failure> {
    const of = [...metric.keys()].join();
    if (known?.of === of) return known;
    const list = await rowsOf(program, 'list');
    if (list === null || 'failure' in list) return list ?? { failure: 'amd-smi lists no GPU, and tells of some' };
    const facts = await rowsOf(program, 'static');
    known = { of, list, facts: facts === null || 'failure' in facts ? new Map() : facts };
    return known;
  }

  /** Null: there is no AMD GPU. A way of asking that the tool refuses is not tried again. */
  async function rowsOf(program: string, command: Command): Promise<AmdRows | Failure | null> {
    for (;;) {
      const answer = await run(program, amdSmiArgs[command][ways[command]] ?? []);
      if ('failure' in answer) return answer;
      if (saysNoCards(answer.text)) return null;
      const rows = answer.code === 0 ? parseAmdSmi(answer.stdout) : null;
      if (rows !== null) return rows;
      const isLast = ways[command] + 1 >= amdSmiArgs[command].length;
      if (isLast || answer.code === 0 || !refuses(answer.text)) {
        return { failure: explainAmdFailure('amd-smi', answer.text, answer.code) };
      }
      ways[command] += 1;
    }
  }

  async function askRocmSmi(program: string): Promise<VendorAnswer | Failure> {
    const answer = await run(program, rocmSmiArgs);
    if ('failure' in answer) return answer;
    if (saysNoCards(answer.text)) return nobody;
    const told = answer.code === 0 ? parseRocmSmi(answer.stdout) : null;
    if (told === null) return { failure: explainAmdFailure('rocm-smi', answer.text, answer.code) };
    const devices = devicesOfCards(told.cards).map(({ device }) => device);
    const [only] = devices;
    // It tells on how many GPUs a process is, not on which.
    const users = only !== undefined && devices.length === 1 ? rocmUsers(only.uuid, told.processes) : [];
    return {
      devices,
      note: nameless('rocm-smi', told.cards.length - devices.length),
      users: trusted({ users, complete: false }),
    };
  }
}

/** To users outside these groups the tools say nothing of a GPU but that it is there. */
function nameless(tool: string, count: number): string | null {
  if (count === 0) return null;
  return `${tool} does not tell the UUIDs of ${count} ${count === 1 ? 'GPU' : 'GPUs'}; is this user in the groups render and video?`;
}

const [processArgs = []] = amdSmiArgs.process;
