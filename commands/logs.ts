import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { followLog, hasLog, readLog } from '../src/api/logs.js';
import { PoolctlError } from '../src/errors.js';
import { engineLog, type Paths, supervisorPaths } from '../src/host/paths.js';
import { statusIn } from './ask/last-known.js';
import { type Known, resolveTargets } from './ask/selectors.js';
import { countOf } from './ask/values.js';
import { type Cli, globalsOf } from './cli.js';

type Options = { readonly follow?: true; readonly lines?: string; readonly previous?: true };
type Log = { readonly pool_id: string; readonly replica_id: string; readonly path: string };

export function logs(program: Command, cli: Cli): void {
  program
    .command('logs <selector...>')
    .description("the engines' output; works without a supervisor")
    .option('-f, --follow', 'go on with what comes')
    .option('-n, --lines <count>', 'only the last so many lines')
    .option('--previous', 'the incarnation before the last')
    .action(async (selectors: string[], { follow, lines, previous }: Options, command: Command) => {
      const globals = globalsOf(command);
      const tail = countOf(lines, '--lines') ?? null;
      const found = await logsOf(supervisorPaths(globals, cli.env, { cwd: cli.cwd, home: cli.home }), selectors);
      // What is only printed is ended by Ctrl-C as any program is.
      const signal = follow === true ? cli.interruption() : null;
      const several = found.length > 1;
      const show = async (log: Log): Promise<void> => {
        const { pool_id, replica_id, path } = log;
        const selection = { key: `${pool_id}/${replica_id}`, tail, previous: previous === true };
        if (signal === null && !(await hasLog(path))) {
          throw new PoolctlError('NOT_FOUND', `cannot show the log of "${selection.key}": it was taken away`, {
            hint: `poolctl restart ${selection.key}        (its next engine has a new one)`,
            exit: 1,
          });
        }
        const blocks = signal === null ? await readLog(path, selection) : followLog(path, selection, { signal });
        if (blocks === null) {
          throw new PoolctlError('NOT_FOUND', `cannot show the previous incarnation of ${selection.key}: there is none`, {
            hint: `poolctl logs ${selection.key}`,
            exit: 1,
          });
        }
        if (!several && !globals.json) for await (const block of blocks) await cli.pipe(block);
        else
          for await (const line of linesOf(blocks))
            await cli.pipe(globals.json ? `${JSON.stringify({ pool_id, replica_id, line })}\n` : `${replica_id} | ${line}\n`);
      };
      if (follow === true) await Promise.all(found.map(show));
      else for (const log of found) await show(log);
      if (signal?.aborted) cli.exit(130);
    });
}

/** Of the replicas that have ever run: their logs outlive them, and the supervisor. One that runs may have lost its own. */
async function logsOf(paths: Paths, selectors: readonly string[]): Promise<readonly Log[]> {
  const names = async (dir: string): Promise<readonly string[]> => await readdir(dir).catch(() => []);
  const status = await readFile(paths.registry, 'utf8').then(statusIn, () => null);
  const pools = (status?.pools ?? []).map(({ pool_id, replicas }) => {
    const ran = replicas.filter(({ incarnation }) => incarnation > 0);
    return [pool_id, ran.map(({ replica_id }) => replica_id)] as const;
  });
  const recorded = new Map(pools.filter(([, ids]) => ids.length > 0));
  const known: Known = await Promise.all(
    [...new Set([...(await names(paths.logsDir)), ...recorded.keys()])].sort().map(async (pool_id) => {
      const written = (await names(join(paths.logsDir, pool_id))).flatMap(
        (name) => /^(r\d+)\.log(?:\.\d+)?$/.exec(name)?.[1] ?? [],
      );
      const ids = [...new Set([...written, ...(recorded.get(pool_id) ?? [])])];
      return {
        pool_id,
        replicas: ids.sort((a, b) => Number(a.slice(1)) - Number(b.slice(1))).map((replica_id) => ({ replica_id })),
      };
    }),
  );
  const targets = resolveTargets(selectors, known, 'logs');
  return targets.flatMap(({ poolId, replicaId }) => {
    const replicas = known.find(({ pool_id }) => pool_id === poolId)?.replicas ?? [];
    return replicas
      .filter(({ replica_id }) => replicaId === null || replica_id === replicaId)
      .map(({ replica_id }) => ({ pool_id: poolId, replica_id, path: engineLog(paths.stateDir, poolId, replica_id) }));
  });
}

async function* linesOf(blocks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const block of blocks) {
    const lines = (rest + decoder.decode(block, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}
