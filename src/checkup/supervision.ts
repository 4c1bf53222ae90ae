/** Whether a supervisor could run here, or runs as it should: its directory and socket, what the last one left, ports, engines. */

import { type Check, fine, wrong } from './check.js';

export type SupervisionFacts = {
  /** Of this program. */
  readonly version: string;
  /** The supervisor that answers; null where none does. */
  readonly running: { readonly pid: number; readonly version: string } | null;
  readonly stateDir: {
    readonly path: string;
    readonly there: boolean;
    readonly flaw: { readonly what: string; readonly hint: string } | null;
  };
  readonly socket: SocketFacts;
  readonly leftovers: readonly Leftover[];
  /** Null without an inventory that can be used. */
  readonly ports: PortFacts | null;
  readonly inventory: { readonly file: string; readonly found: boolean; readonly pools: number; readonly errors: number };
  readonly engines: readonly EngineFacts[];
};

export type SocketFacts = {
  readonly path: string;
  /** Why it could not be used at all; a phrase. */
  readonly unusable: string | null;
  readonly there: 'nothing' | 'socket' | 'other';
  /** Its permissions; null where nothing is there. */
  readonly mode: number | null;
  /** The living process that has the state directory; null where there is none. */
  readonly holder: number | null;
  /** Whose it is cannot be asked: it is another user's. */
  readonly foreign: boolean;
};

/** Processes of an engine that nobody supervises. */
export type Leftover = {
  /** "chat/r0"; null where that cannot be told. */
  readonly key: string | null;
  readonly pids: readonly number[];
  readonly stateDir: string;
  /** It was left on purpose, for the next supervisor. */
  readonly kept: boolean;
};

export type PortFacts = {
  /** Ports that a pool is to have and that others hold, or that cannot be had. */
  readonly held: readonly { readonly port: number; readonly by: string; readonly whose: string }[];
  /** Replicas that are given a port of the range, and how many there are free. */
  readonly wanted: number;
  readonly free: number;
  readonly range: string;
};

export type EngineFacts = {
  readonly pools: readonly string[];
  readonly program: string;
  readonly version: string | null;
  /** Why it does not run; null where it does. */
  readonly flaw: string | null;
};

export function checkSupervision(facts: SupervisionFacts): readonly Check[] {
  return [
    checkSupervisor(facts),
    checkStateDir(facts.stateDir),
    checkSocket(facts),
    checkLeftovers(facts),
    checkInventory(facts.inventory),
    checkPorts(facts.ports),
    checkEngines(facts),
  ];
}

function checkSupervisor({ version, running, socket: { path, holder, foreign } }: SupervisionFacts): Check {
  const name = 'supervisor';
  if (running === null && holder !== null && !foreign)
    return wrong(
      name,
      `pid ${holder} has the state directory, and does not answer on ${path}`,
      `where it is stopped (Ctrl-Z): kill -CONT ${holder}; else see what it says, or end it: kill -TERM ${holder}`,
    );
  if (running === null) return fine(name, 'none is running', 'poolctl up');
  return running.version === version
    ? fine(name, `pid ${running.pid}, version ${running.version}`)
    : wrong(
        name,
        `pid ${running.pid} is version ${running.version}, and this poolctl is ${version}`,
        'poolctl down --keep-engines, then poolctl up: engines that are unchanged are taken over',
      );
}

function checkStateDir({ path, there, flaw }: SupervisionFacts['stateDir']): Check {
  const name = 'state-dir';
  if (flaw !== null) return wrong(name, `${path}: ${flaw.what}`, flaw.hint);
  return fine(name, there ? path : `${path}, which poolctl up will make`);
}

function checkSocket({ socket, running }: SupervisionFacts): Check {
  const name = 'socket';
  const { path, unusable, there, mode, holder, foreign } = socket;
  const elsewhere = 'name another one: --socket PATH';
  if (unusable !== null) return wrong(name, unusable, elsewhere);
  if (foreign) return wrong(name, `${path} is another user's`, 'run poolctl as the user that runs poolctl up');
  if (there === 'other') return wrong(name, `${path} is there, and is no socket`, elsewhere);
  if (mode !== null && (mode & 0o077) !== 0)
    return wrong(
      name,
      `others may use ${path} (mode ${(mode & 0o777).toString(8).padStart(4, '0')}, not 0600)`,
      `chmod 600 ${path}`,
    );
  if (running !== null || holder !== null) return fine(name, path);
  return fine(name, there === 'socket' ? `${path}, left by one that is gone: poolctl up removes it` : path);
}

function checkLeftovers({ leftovers, stateDir }: SupervisionFacts): Check {
  const name = 'leftovers';
  const [first] = leftovers.filter(({ kept }) => !kept);
  if (leftovers.length === 0) return fine(name, 'no engine runs without its supervisor');
  const told = leftovers.slice(0, 4).map(({ key, pids, stateDir: dir }) => {
    const of = dir === stateDir.path ? '' : ` of ${dir}`;
    return `${key ?? 'an engine'}${of}: pid ${pids.slice(0, 4).join(', ')}`;
  });
  const more = leftovers.length > told.length ? `; ${leftovers.length - told.length} more` : '';
  const detail = `${told.join('; ')}${more}`;
  if (first === undefined) return fine(name, `kept for the next supervisor: ${detail}`, 'poolctl up takes them over');
  const own = first.stateDir === stateDir.path;
  const up = own ? 'poolctl up' : `poolctl up --state-dir ${first.stateDir}`;
  return wrong(
    name,
    `run without a supervisor: ${detail}`,
    `${up} takes them over, or stops them where the inventory has changed`,
  );
}

function checkInventory({ file, found, pools, errors }: SupervisionFacts['inventory']): Check {
  const name = 'inventory';
  if (!found) return fine(name, `none (${file})`, 'poolctl init');
  return errors > 0
    ? wrong(name, `${file} has ${errors} error${errors === 1 ? '' : 's'}`, 'poolctl check')
    : fine(name, `${file}, ${pools} pool${pools === 1 ? '' : 's'}`);
}

function checkPorts(ports: PortFacts | null): Check {
  const name = 'ports';
  if (ports === null) return fine(name, 'no pool asks for one');
  const { held, wanted, free, range } = ports;
  const [first] = held;
  if (first !== undefined)
    return wrong(
      name,
      held.map(({ port, by, whose }) => `${port} of ${whose}: ${by}`).join('; '),
      `end what holds it, or change the port of ${first.whose}`,
    );
  if (wanted > free)
    return wrong(
      name,
      `${free} of ${range} are free, and ${wanted} replicas need one`,
      'widen supervisor.ports, or end what holds them',
    );
  return fine(name, `${free} of ${range} are free, and ${wanted} replicas that do not run need one`);
}

function checkEngines({ engines, inventory }: SupervisionFacts): Check {
  const name = 'engines';
  if (engines.length === 0)
    return inventory.pools > 0
      ? fine(name, 'the demo engine, which comes with poolctl')
      : fine(name, 'none on PATH; the demo engine comes with poolctl', 'install llama-server, vllm or sglang');
  const text = ({ program, version, pools, flaw }: EngineFacts): string =>
    `${program}${version === null ? '' : ` ${version}`}${pools.length === 0 ? '' : ` (${pools.join(', ')})`}${flaw === null ? '' : `: ${flaw}`}`;
  const broken = engines.filter(({ flaw }) => flaw !== null);
  return broken.length > 0
    ? wrong(name, broken.map(text).join('; '), 'install it, or name it by its path in "binary" or "command"')
    : fine(name, engines.map(text).join('; '));
}
