import type { Command } from 'commander';
import { supervisorPaths } from '../src/host/paths.js';
import { type PlannedReplica, plan as rehearse } from '../src/plan.js';
import { formatBytes } from '../src/text/bytes.js';
import { oneLine } from '../src/text/one-line.js';
import { shellWords } from '../src/text/shell-words.js';
import { span } from '../src/text/time.js';
import { type Cli, type Globals, globalsOf } from './cli.js';
import { usableInventory } from './inventory.js';
import { machineOf } from './machine.js';

export function plan(program: Command, cli: Cli): void {
  program
    .command('plan [pool...]')
    .description('what exactly up would execute: argv, environment, masks, ports, deadlines; nothing is started')
    .action((named: string[], _: unknown, command: Command) => showPlan(named, globalsOf(command), cli));
}

export async function showPlan(named: readonly string[], globals: Globals, cli: Cli): Promise<void> {
  const usable = await usableInventory(cli, globals, named, 'plan');
  if (usable === null) return;
  const replicas = await rehearse({
    ...usable,
    named,
    paths: supervisorPaths(globals, cli.env, { cwd: cli.cwd, home: cli.home }),
    ...machineOf(cli),
  });
  if (globals.json) return cli.stdout(`${JSON.stringify({ replicas })}\n`);
  for (const replica of replicas) cli.stdout(`${paragraph(replica).join('\n')}\n`);
  const hindered = replicas.filter(({ obstacles }) => obstacles.length > 0).length;
  const verdict = hindered === 0 ? '' : `${hindered} of ${replicas.length} could not start now. `;
  if (!globals.quiet) cli.stderr(`${verdict}Nothing was started. Next: poolctl up\n`);
}

function paragraph(replica: PlannedReplica): readonly string[] {
  const {
    pool_id,
    replica_id,
    starts,
    argv,
    env,
    cwd,
    device_mask,
    devices,
    port,
    override,
    model_file,
    model,
    startup_deadline_ms,
    vram,
  } = replica;
  const facts: readonly (readonly [string, string | null])[] = [
    ['command', argv.length === 0 ? null : shellWords(argv)],
    ['env', argv.length === 0 ? null : shellWords(Object.entries(env).map(([name, value]) => `${name}=${value}`))],
    ['directory', cwd],
    ['mask', devices.length === 0 ? device_mask : `${device_mask} (${devices.join(', ')})`],
    ['port', port === null ? null : String(port)],
    ['override', override === null ? null : `${override.model_ref}, by a reload; pools.yaml names ${override.file_model_ref}`],
    ['model file', model_file === null ? null : fileText(model_file)],
    ['model', model === null ? null : modelText(model)],
    ['deadline', startup_deadline_ms === null ? null : `${span(startup_deadline_ms)} to become ready`],
    ['vram', vram === null ? null : vramText(vram)],
    ...replica.obstacles.map(({ text, hint }) => ['hindered', hint === null ? text : `${text}; ${hint}`] as const),
  ];
  const head = `${pool_id}/${replica_id}${starts ? '' : '  stays stopped'}`;
  return [head, ...facts.flatMap(([key, value]) => (value === null ? [] : [`  ${key.padEnd(11)}${oneLine(value)}`]))];
}

/** Null where the command line says it all. */
function fileText({ path, from, url }: NonNullable<PlannedReplica['model_file']>): string | null {
  if (from === 'path' || from === 'engine') return null;
  return from === 'download' ? `to be fetched from ${url} to ${path}` : `${path}, in the cache of ${from}`;
}

function modelText({ name, architecture, parameters, context_length }: NonNullable<PlannedReplica['model']>): string {
  const facts = [
    name,
    architecture === null ? null : `architecture ${architecture}`,
    `${parameters.toLocaleString('en-US')} parameters`,
    context_length === null ? null : `trained for ${context_length} tokens`,
  ];
  return facts.filter((fact) => fact !== null).join(', ');
}

function vramText({ needed_bytes, free_bytes, fits, source }: NonNullable<PlannedReplica['vram']>): string {
  const free = free_bytes === null ? 'what is free is not known' : `${formatBytes(free_bytes)} free`;
  if (needed_bytes === null) return `${free}; what it needs is not said ("vram")`;
  const needs = formatBytes(needed_bytes);
  if (source === 'learnt') return `ran out of memory with ${needs} (learnt), ${free}${fits === false ? ': may not fit' : ''}`;
  if (source === 'estimate') return `its tensors take ${needs} (estimate), ${free}${fits === false ? ': may not fit' : ''}`;
  return `needs ${needs}, ${free}${fits === null ? '' : fits ? ': fits' : ': does not fit'}`;
}
