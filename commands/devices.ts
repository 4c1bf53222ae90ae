import type { Command } from 'commander';
import type { DeviceView } from '../src/api/wire.js';
import { viewDevice } from '../src/devices/view.js';
import { PoolctlError } from '../src/errors.js';
import { createGpuReader } from '../src/host/gpus.js';
import { formatBytes } from '../src/text/bytes.js';
import { type Column, table } from '../src/text/table.js';
import { clientOf } from './ask/supervisor.js';
import { type Cli, globalsOf } from './cli.js';

type Answer = { readonly devices: readonly DeviceView[]; readonly note: string | null };

export function devices(program: Command, cli: Cli): void {
  program
    .command('devices')
    .description('GPUs with their masks, memory, and which pools use them')
    .action(async (_: unknown, command: Command) => {
      const globals = globalsOf(command);
      const { devices: found, note, failing } = await look(cli, globals);
      if (globals.json) cli.stdout(`${JSON.stringify({ devices: found, note })}\n`);
      else if (found.length > 0) cli.stdout(`${table(columns, found.map(cells), null).join('\n')}\n`);
      if (note !== null && !globals.json) cli.stderr(`${note}\n`);
      if (failing) cli.exit(1);
    });
}

const columns: readonly Column[] = [
  { head: 'MASK', align: 'left' },
  { head: 'UUID', align: 'left' },
  { head: 'FREE', align: 'right' },
  { head: 'TOTAL', align: 'right' },
  { head: 'HEALTHY', align: 'left' },
  { head: 'POOLS', align: 'left' },
  { head: 'NAME', align: 'left' },
];

function cells({ index, uuid, vram_free_bytes, vram_total_bytes, healthy, pools, name }: DeviceView): readonly string[] {
  const size = (bytes: number | null): string => (bytes === null ? '-' : formatBytes(bytes));
  return [index, uuid, size(vram_free_bytes), size(vram_total_bytes), healthy ? 'yes' : 'no', pools.join(',') || '-', name];
}

/** The supervisor knows who uses what; without one the tool is asked. */
async function look(cli: Cli, globals: Parameters<typeof clientOf>[1]): Promise<Answer & { readonly failing: boolean }> {
  try {
    const found = await clientOf(cli, globals, 'list the devices').devices();
    if (found.length > 0) return { devices: found, note: null, failing: false };
  } catch (error) {
    if (!(error instanceof PoolctlError && error.code === 'NO_SUPERVISOR')) throw error;
  }
  const { devices: seen, note, tool } = await createGpuReader({ env: cli.env, now: () => performance.now() }).read();
  const views = seen.map((device) => viewDevice(device, 0, []));
  return {
    devices: views,
    note: views.length === 0 ? (note ?? 'no GPU was found; pools can use device_masks: [cpu]') : note,
    failing: tool === 'failing',
  };
}
