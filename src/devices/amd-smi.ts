/**
 * What `amd-smi … --json` prints. Its shape changed from release to release (a list; from ROCm 7 on for some commands an object with `gpu_data`),
 * so everything is optional here. Written after its documentation and its source, and never run against an AMD GPU.
 */

import type { AmdCard } from './amd.js';
import { countIn, documentIn, type Fields, fields, numberIn, text } from './json.js';
import { type DeviceUser, isPid, type Listed } from './users.js';

/**
 * The best first: what a tool does not know it refuses. `-e` tells what HIP calls each GPU, from ROCm 6.4 on; power, temperature and ECC are not
 * asked for in a virtual machine.
 */
export const amdSmiArgs: Readonly<Record<'list' | 'metric' | 'static' | 'process', readonly (readonly string[])[]>> = {
  list: [
    ['list', '-e', '--json'],
    ['list', '--json'],
  ],
  metric: [
    ['metric', '--mem-usage', '--usage', '--power', '--temperature', '--ecc', '--json'],
    ['metric', '--mem-usage', '--usage', '--json'],
    ['metric', '--json'],
  ],
  static: [['static', '--asic', '--json']],
  process: [['process', '--json']],
};

/** Of a GPU by its number; what was not told is missing. */
export type AmdRows = ReadonlyMap<number, Fields>;

/** One row a GPU, of any of the commands; null where the output is no such document. */
export function parseAmdSmi(output: string): AmdRows | null {
  const document = documentIn(output);
  const list = Array.isArray(document) ? document : fields(document).gpu_data;
  if (!Array.isArray(list)) return null;
  const rows = list.map(fields).flatMap((row) => {
    const id = countIn(row.gpu);
    return id === null ? [] : [[id, row] as const];
  });
  return rows.length === 0 && list.length > 0 ? null : new Map(rows);
}

/** The GPUs of `list`, with what `metric` and `static` tell of them. */
export function amdCards(list: AmdRows, metric: AmdRows, facts: AmdRows): readonly AmdCard[] {
  return [...list].map(([id, row]) => {
    const now = metric.get(id) ?? {};
    const memory = fields(now.mem_usage);
    const heat = fields(now.temperature);
    const total = bytes(memory.total_vram);
    const uuid = text(row.uuid);
    return {
      id,
      hipId: countIn(row.hip_id),
      node: countIn(row.node_id),
      uuids: [text(row.hip_uuid), uuid === null ? null : `GPU-${uuid}`],
      bdf: text(row.bdf),
      name: text(fields(facts.get(id)?.asic).market_name),
      vramTotalBytes: total,
      vramFreeBytes: bytes(memory.free_vram) ?? less(total, bytes(memory.used_vram)),
      utilizationPercent: amount(fields(now.usage).gfx_activity),
      temperatureCelsius: amount(heat.edge) ?? amount(heat.hotspot),
      powerWatts: amount(fields(now.power).socket_power),
      eccErrors: countIn(fields(now.ecc).total_uncorrectable_count),
    };
  });
}

/**
 * Who uses them, by `uuidOf` their numbers. A process is listed on every GPU that it has opened, with nothing on those that it does not use: such
 * rows are passed over, and leave the list incomplete, since in some releases that is all that is told when all GPUs are asked about at once.
 */
export function parseAmdProcesses(output: string, uuidOf: (id: number) => string | null): Listed {
  const rows = parseAmdSmi(output);
  const users: DeviceUser[] = [];
  let complete = rows !== null;
  for (const [id, { process_list }] of rows ?? []) {
    const uuid = uuidOf(id);
    if (!Array.isArray(process_list) || uuid === null) {
      complete = false;
      continue;
    }
    for (const entry of process_list.map((each) => fields(each).process_info)) {
      if (typeof entry === 'string' && /no running processes/i.test(entry)) continue;
      const user = userOf(uuid, fields(entry));
      if (user === null) complete = false;
      else users.push(user);
    }
  }
  return { users, complete };
}

function userOf(uuid: string, { pid, name, memory_usage, mem_usage }: Fields): DeviceUser | null {
  const usedBytes = bytes(fields(memory_usage).vram_mem, 'B') ?? bytes(mem_usage, 'B');
  const number = typeof pid === 'number' ? String(pid) : pid;
  if (typeof number !== 'string' || !isPid(number) || usedBytes === 0) return null;
  return { uuid, pid: Number(number), name: text(name), usedBytes };
}

/** `{ "value": 42, "unit": "W" }`, or the bare number of older releases. */
function amount(value: unknown): number | null {
  return numberIn(fields(value).value) ?? numberIn(value);
}

/** The tool divides by 1024 and writes "MB". A size of which nobody says the unit is not guessed, except where it always was `bare`. */
function bytes(value: unknown, bare?: 'B'): number | null {
  const unit = text(fields(value).unit) ?? bare;
  const factor = unit === undefined ? undefined : factors.get(unit.toUpperCase());
  const told = amount(value);
  return told === null || told < 0 || factor === undefined ? null : Math.round(told * factor);
}

const factors: ReadonlyMap<string, number> = new Map(
  ['', 'K', 'M', 'G'].flatMap((prefix, power) => [
    [`${prefix}B`, 1024 ** power] as const,
    [`${prefix}IB`, 1024 ** power] as const,
  ]),
);

function less(total: number | null, used: number | null): number | null {
  return total === null || used === null ? null : Math.max(0, total - used);
}
