import type { Command } from 'commander';
import type { DevicesAnswer, DeviceView } from '../src/api/wire.js';
import { viewUnsupervised } from '../src/devices/view.js';
import { PoolctlError } from '../src/errors.js';
import { createGpuReader } from '../src/host/gpus.js';
import { formatBytes } from '../src/text/bytes.js';
import { type Column, table } from '../src/text/table.js';
import { span } from '../src/text/time.js';
import { clientOf } from './ask/supervisor.js';
import { type Cli, globalsOf } from './cli.js';

export function devices(program: Command, cli: Cli): void {
  program
    .command('devices')
    .description('GPUs with their masks, memory, and who uses them')
    .action(async (_: unknown, command: Command) => {
      const globals = globalsOf(command);
      const { devices: found, note, failing } = await look(cli, globals);
      if (globals.json) cli.stdout(`${JSON.stringify({ devices: found, note })}\n`);
      else print(cli, { devices: found, note });
      if (failing) cli.exit(1);
    });
}

function print(cli: Cli, { devices: found, note }: DevicesAnswer): void {
  if (found.length > 0)
    cli.stdout(
      `${table(
        columns,
        found.map((device) => cells(device, found)),
        null,
      ).join('\n')}\n`,
    );
  for (const { index, name, ailment } of found) if (ailment !== null) cli.stderr(`GPU ${index} (${name}) ${ailment}\n`);
  if (note !== null) cli.stderr(`${ageOf(found)}${note}\n`);
}

/** Numbers that are not of now, since the tool does not answer. */
function ageOf(found: readonly DeviceView[]): string {
  const age = Math.max(0, ...found.map(({ age_seconds }) => age_seconds ?? 0));
  return age >= 1 ? `these numbers are ${span(age * 1000)} old: ` : '';
}

const columns: readonly Column[] = [
  { head: 'MASK', align: 'left' },
  { head: 'UUID', align: 'left' },
  { head: 'FREE', align: 'right' },
  { head: 'TOTAL', align: 'right' },
  { head: 'HEALTHY', align: 'left' },
  { head: 'USERS', align: 'left' },
  { head: 'NAME', align: 'left' },
];

function cells(device: DeviceView, all: readonly DeviceView[]): readonly string[] {
  const { index, uuid, vram_free_bytes, vram_total_bytes, healthy, name } = device;
  // Two vendors count from 0, both: then only the UUID names it.
  const mask = all.filter((other) => other.index === index).length === 1 ? index : uuid;
  const size = (bytes: number | null): string => (bytes === null ? '-' : formatBytes(bytes));
  return [mask, uuid, size(vram_free_bytes), size(vram_total_bytes), healthy ? 'yes' : 'no', users(device), name];
}

/** Its pools, and the biggest of the strangers, as syslog writes a process. */
function users({ pools, processes }: DeviceView): string {
  const [biggest, ...others] = (processes ?? []).filter(({ pool_id }) => pool_id === null);
  const program = (biggest?.program ?? 'pid').replace(/\s+/g, '_');
  const stranger = biggest === undefined ? [] : [`${program}[${biggest.pid}]${others.length === 0 ? '' : `+${others.length}`}`];
  return [...pools, ...stranger].join(',') || '-';
}

/** The supervisor knows who uses what; without one the tools are asked. */
async function look(cli: Cli, globals: Parameters<typeof clientOf>[1]): Promise<DevicesAnswer & { readonly failing: boolean }> {
  try {
    const found = await clientOf(cli, globals, 'list the devices').devices();
    if (found.devices.length > 0) return { ...found, failing: false };
  } catch (error) {
    if (!(error instanceof PoolctlError && error.code === 'NO_SUPERVISOR')) throw error;
  }
  const { devices: seen, processes, note, tool } = await createGpuReader({ env: cli.env, now: () => performance.now() }).read();
  const views = seen.map((device) => viewUnsupervised(device, processes));
  return {
    devices: views,
    note: views.length === 0 ? (note ?? 'no GPU was found; pools can use device_masks: [cpu]') : note,
    failing: tool === 'failing',
  };
}
