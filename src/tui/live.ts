/** The live view from its first frame to the line that it leaves. The one place here that touches the terminal, the clock and the client. */

import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ActVerb } from '../api/client.js';
import type { OperationView } from '../api/wire.js';
import { PoolctlError } from '../errors.js';
import type { Palette } from '../text/colour.js';
import { placeName } from '../text/places.js';
import type { Frames } from './app.js';
import { follow, type Sources } from './feed.js';
import { frame } from './frame.js';
import { type Key, readKeys } from './keys.js';
import { blockColumns } from './layout.js';
import { paintLine } from './line.js';
import { LogFeed } from './log-feed.js';
import { type CommandLine, initialModel, isStale, type Model, type Settings, type Size, selectedPlace } from './model.js';
import { hear, type News } from './news.js';
import { Pace } from './pace.js';
import { press, type Wish } from './press.js';
import { Screen } from './screen.js';
import { Seat, type Terminal } from './seat.js';

export type Live = {
  readonly terminal: Terminal;
  readonly settings: Settings;
  readonly palette: Palette;
  readonly sources: Sources;
  /** What was executed as this process; null where that cannot be seen. */
  commandOf(pid: number): Promise<CommandLine | null>;
  /** How an operation that was asked for here has ended, as the command says it. */
  outcome(verb: ActVerb, name: string, operation: OperationView): string;
};

/** Until its user leaves, or a signal or a selector that names nothing ends it. Resolves to what was known last. */
export async function showView(live: Live): Promise<Model> {
  const view = new View(live);
  try {
    return await view.run();
  } finally {
    view.close();
  }
}

class View {
  private model: Model;
  private readonly screen: Screen;
  private readonly seat: Seat;
  private readonly pace: Pace;
  private readonly log: LogFeed;
  private readonly ending = new AbortController();
  private frames: Frames | null = null;
  private unmount: () => void = () => {};
  private asking: string | null = null;
  private unread = '';
  private patience: NodeJS.Timeout | undefined;
  private quit: () => void = () => {};

  constructor(private readonly live: Live) {
    const { terminal, settings, sources } = live;
    this.model = initialModel(settings, this.size(), sources.now());
    this.screen = new Screen(terminal.output);
    this.seat = new Seat(terminal, {
      leave: () => this.screen.leave(),
      enter: () => this.enter(),
      typed: (text) => this.typed(text),
      resized: () => this.resized(),
      gone: () => this.quit(),
    });
    this.pace = new Pace(() => this.draw(), {
      now: () => performance.now(),
      later: (call, ms) => {
        const timer = setTimeout(call, ms);
        return () => clearTimeout(timer);
      },
    });
    this.log = new LogFeed(sources.client, this.tell);
  }

  async run(): Promise<Model> {
    const left = new Promise<void>((resolve) => {
      this.quit = resolve;
    });
    // The first frame is seen before anything is loaded or asked.
    this.seat.take();
    this.pace.now();
    const ended = Promise.race([left, follow(this.live.sources, this.tell, this.ending.signal)]);
    await Promise.race([ended, this.load().then(() => ended)]);
    return this.model;
  }

  /** Until Ink is there, frames are drawn without it. */
  private async load(): Promise<void> {
    const { Frames, mount } = await import('./app.js');
    if (this.ending.signal.aborted) return;
    this.frames = new Frames();
    this.draw();
    this.unmount = mount(this.frames, (lines) => this.screen.show(lines));
  }

  close(): void {
    clearTimeout(this.patience);
    this.pace.stop();
    this.log.close();
    this.ending.abort();
    this.seat.leave();
    this.unmount();
  }

  private readonly tell = (news: News, urgent: boolean): void => {
    if (this.ending.signal.aborted) return;
    this.model = hear(this.model, news, this.live.sources.now());
    this.ask();
    if (urgent) this.pace.soon();
  };

  private draw(): void {
    if (this.ending.signal.aborted) return;
    this.model = hear(this.model, { kind: 'time' }, this.live.sources.now());
    const lines = frame(this.model).map((line) => paintLine(line, this.live.palette));
    if (this.frames === null) this.screen.show(lines);
    else this.frames.show(lines, this.model.size.columns);
    // That something goes on while nothing comes is seen by its turning.
    if (this.model.link.state === 'connecting') this.pace.soon();
  }

  private enter(): void {
    this.screen.enter();
    this.screen.forget();
  }

  private size(): Size {
    const { columns, rows } = this.live.terminal.output;
    return { columns: columns || 80, rows: rows || 24 };
  }

  private resized(): void {
    this.screen.forget();
    this.tell({ kind: 'resized', size: this.size() }, false);
    this.pace.now();
  }

  /** A slow line may bring a key in pieces. */
  private typed(text: string): void {
    clearTimeout(this.patience);
    const { keys, rest } = readKeys(this.unread + text);
    this.unread = rest;
    if (rest !== '') this.patience = setTimeout(() => this.unfinished(), restMs);
    if (keys.length > 0) this.pressed(keys);
  }

  private unfinished(): void {
    const { unread } = this;
    this.unread = '';
    if (unread === '\u001b') this.pressed([{ kind: 'escape' }]);
  }

  private pressed(keys: readonly Key[]): void {
    for (const key of keys) {
      const { model, wish } = press({ ...this.model, now: this.live.sources.now() }, key);
      this.model = model;
      if (wish !== null) this.grant(wish);
    }
    this.ask();
    this.pace.soon();
  }

  private grant(wish: Wish): void {
    switch (wish.kind) {
      case 'quit':
        this.quit();
        return;
      case 'suspend':
        this.seat.suspend();
        return;
      case 'redraw':
        this.screen.redraw();
        return;
      case 'act':
        for (const name of wish.names) void this.act(wish.verb, name);
        return;
      case 'save':
        void this.save(wish.name, wish.lines);
    }
  }

  /** What the present place wants to know besides: the chosen one's log, and what was executed. */
  private ask(): void {
    const place = selectedPlace(this.model);
    this.log.follow(place === null || isStale(this.model) ? null : placeName(place));
    const shown = this.model.screen === 'details' || blockColumns(this.model.size).length > 1;
    if (place === null || !shown || place.replica.pid === null) return;
    const { pid, incarnation } = place.replica;
    const key = placeName(place);
    const which = `${key} ${incarnation}`;
    const { command } = this.model.data;
    if (this.asking === which || (command?.key === key && command.incarnation === incarnation)) return;
    this.asking = which;
    void this.live.commandOf(pid).then((line) => {
      this.asking = null;
      this.tell({ kind: 'command', key, incarnation, line }, true);
    });
  }

  /** Says that it has begun, and how it ended. */
  private async act(verb: ActVerb, name: string): Promise<void> {
    const { client } = this.live.sources;
    const [poolId = '', replicaId] = name.split('/');
    const say = (text: string, tone: 'plain' | 'bad'): void => this.tell({ kind: 'said', text, tone }, true);
    try {
      let operation = await client.act(verb, poolId, replicaId === undefined ? {} : { replica_id: replicaId });
      if (operation.state === 'running') say(`${name}: ${verb} has begun`, 'plain');
      while (operation.state === 'running' && !this.ending.signal.aborted)
        operation = await client.operation(operation.operation_id, longestAskMs, this.ending.signal);
      const { error } = operation;
      if (error !== undefined && operation.outcome !== 'cancelled') return say(error.message, 'bad');
      say(this.live.outcome(verb, name, operation), 'plain');
    } catch (error) {
      if (this.ending.signal.aborted) return;
      if (!(error instanceof PoolctlError)) throw error;
      const { hint } = error.more;
      say(`${error.message}${hint === undefined ? '' : `; try: ${hint}`}`, 'bad');
    }
  }

  private async save(name: string, lines: readonly string[]): Promise<void> {
    const time = new Date(this.live.sources.now())
      .toISOString()
      .replace(/[^0-9T]/g, '')
      .slice(0, 15);
    const path = join(tmpdir(), `poolctl-${name.replace('/', '-')}-${time}.log`);
    const text = `${lines.join('\n')}\n`;
    // Never into a file, or over a link, that somebody has put there.
    const news = await writeFile(path, text, { flag: 'wx', mode: 0o600 }).then(
      (): News => ({ kind: 'said', text: `${lines.length} lines written to ${path}`, tone: 'plain' }),
      (error: NodeJS.ErrnoException): News => ({ kind: 'said', text: `cannot write ${path}: ${error.message}`, tone: 'bad' }),
    );
    this.tell(news, true);
  }
}

/** What follows an escape character later than this is no part of its key. */
const restMs = 60;
/** Somebody may wait longer: then it is asked again. */
const longestAskMs = 30_000;
