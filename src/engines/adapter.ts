/** What poolctl must know of an engine. One file each beside this one; all of it pure. */

import type { Description, PerfCounters } from '../core/facts.js';
import type { Launch } from '../core/messages.js';
import type { PoolSpec } from '../core/model.js';

/** What the shell found out before it asks for argv: paths are absolute, the program is resolved. */
export type Resolved = {
  /** The program as it will be executed; null for `command`, whose argv names it. */
  readonly program: string | null;
  /** Local path of the model where it is one, else the reference as written; null without a model. */
  readonly model: string | null;
  readonly stateDir: string;
  readonly inventoryDir: string;
  /** The demo engine's script, which `program` (Node) is to run; not there for a demo pool with a `binary` of its own. */
  readonly demoScript?: string;
};

/** An HTTP question to the engine and how its answer is read. `read` returns null for an answer that it cannot use. */
export type Question<T> = { readonly path: string; readonly read: (body: string) => T | null };

export type EngineAdapter = {
  readonly kind: PoolSpec['engine'];
  /** Looked up on PATH where the inventory names none; null: argv comes from the inventory, or (demo) from `Resolved`. */
  readonly defaultBinary: string | null;
  /** Program and arguments, placeholders filled in. */
  argv(launch: Launch, resolved: Resolved): readonly string[];
  /** True where that model is to be one file on disk, which is brought there; false where the engine takes the reference as it is. */
  readonly takesFile: (model: string) => boolean;
  readonly healthPath: `/${string}`;
  /** The HTTP status by which an engine that was ready says on `healthPath` that it is dead, and stays so; null: it never says it. */
  readonly deadStatus: number | null;
  /** How long the engine may load, for `startup_deadline: auto`. `modelBytes` is null where unknown. */
  startupDeadlineMs(modelBytes: number | null): number;
  /** One replica's slots where the inventory or its args tell; null: ask the running engine, or unknown. */
  slots(spec: PoolSpec): number | null;
  /** What grows while it decodes, be it tokens or steps, and while requests run; null where the engine cannot tell. */
  readonly decoded: Question<number> | null;
  /** The request for one token, to be posted as JSON; null: there is none that any such engine takes. */
  readonly oneToken: ((launch: Launch) => { readonly path: `/${string}`; readonly body: object }) | null;
  /** Asked in order once it is healthy; what several tell is merged, the first non-null of each field winning. */
  readonly describe: readonly Question<Partial<Description>>[];
  /** Asked of the program where no endpoint tells the version: arguments, and how stdout+stderr is read. */
  readonly versionCommand: { readonly args: readonly string[]; readonly read: (output: string) => string | null } | null;
  /** Running plus waiting requests; null where the engine cannot tell. */
  readonly inflight: Question<number> | null;
  /** What it has counted so far, on the same page as its requests; null where it counts nothing that is known here. */
  readonly perf: Question<PerfCounters> | null;
  /** Asked under the mask's environment before a launch on devices: the devices that the program sees; null where it cannot tell. */
  readonly listDevices: { readonly args: readonly string[]; readonly read: (output: string) => readonly string[] | null } | null;
  /**
   * True where it is poolctl that says how much of the model goes onto the mask's devices, and says all: an engine that reports less is told of.
   * False where the inventory says it, and of engines that report nothing.
   */
  wantsAllLayers(spec: PoolSpec): boolean;
  /**
   * True for a line in the form of the engine's own, of which alone an alarm may come while it lives. A request that it logs has that form, too:
   * what of such a line is a user's text is for the diagnosis to know. Of one line, without memory.
   */
  ownLine(line: string): boolean;
  /** Set for the engine unless downloads are allowed; the pool's own `env` wins. */
  readonly offlineEnv: Readonly<Record<string, string>>;
};
