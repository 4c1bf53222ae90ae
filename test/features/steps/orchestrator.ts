/** An orchestrator before poolctl, and its clients. It is reached as they reach it: by its own HTTP. */

import { deepStrictEqual, equal, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { After, type DataTable, Given, Then, When } from '@cucumber/cucumber';
import { parseDuration } from '../../../src/text/duration.js';
import type { Sighting } from '../../orchestrator/adapter.js';
import { Orchestrator } from '../../orchestrator/orchestrator.js';
import { type Answer, askUrl, type Json } from '../../orchestrator/poolctl.js';
import { at, expectCell } from '../world/match.js';
import type { PoolctlWorld } from '../world/world.js';

type Scene = {
  readonly orchestrator: Orchestrator;
  /** Requests of clients, by their names. */
  readonly requests: Map<string, Promise<Answer>>;
  /** What the orchestrator was told to do last. */
  told: Promise<Answer> | null;
  /** Clients that ask and ask: what they were answered, when they are stopped. */
  crowd: { stop(): Promise<readonly Answer[]> } | null;
  /** How many of what it heard, and saw, have been taken up by steps. */
  past: number;
  seen: number;
};

const scenes = new WeakMap<PoolctlWorld, Scene>();

Given('an orchestrator before poolctl, with the token {string}', async function (this: PoolctlWorld, token: string) {
  const door = { host: '127.0.0.1', port: this.port + 9, token };
  const orchestrator = await Orchestrator.begin(door, join(this.rig.state, 'handoff'));
  scenes.set(this, { orchestrator, requests: new Map(), told: null, crowd: null, past: 0, seen: 0 });
});

After(async function (this: PoolctlWorld) {
  const scene = scenes.get(this);
  const { requests = new Map<string, Promise<Answer>>() } = scene ?? {};
  for (const request of requests.values()) request.catch(() => undefined);
  scene?.told?.catch(() => undefined);
  await scene?.orchestrator.end();
  await scene?.crowd?.stop().catch(() => undefined);
});

When(
  '{word} asks {string} for {int} tokens through the orchestrator',
  function (this: PoolctlWorld, client: string, pool: string, tokens: number) {
    const { orchestrator, requests } = sceneOf(this);
    requests.set(client, generate(orchestrator, pool, client, tokens));
  },
);

Then('{word} is answered with {int} and:', async function (this: PoolctlWorld, client: string, status: number, table: DataTable) {
  const answer = await sceneOf(this).requests.get(client);
  holds(this, answer, status, table);
});

When('clients keep asking {string} through the orchestrator', function (this: PoolctlWorld, pool: string) {
  const scene = sceneOf(this);
  const answers: Answer[] = [];
  let going = true;
  const clients = ['uma', 'vic', 'wes'].map(async (client) => {
    while (going) answers.push(await generate(scene.orchestrator, pool, client, 1));
  });
  scene.crowd = {
    async stop() {
      going = false;
      await Promise.all(clients);
      return answers;
    },
  };
});

When('so many of them were answered by {string}', async function (this: PoolctlWorld, model: string) {
  const { orchestrator } = sceneOf(this);
  await this.until(`an answer of ${model}`, async () => {
    const { status, body } = await generate(orchestrator, 'chat', 'xan', 1);
    return status === 200 && body.content === model ? true : null;
  });
});

/** Refused is nobody, but for want of a slot just then. */
Then('every one of them was answered, by {string}', async function (this: PoolctlWorld, models: string) {
  const answers = (await sceneOf(this).crowd?.stop()) ?? [];
  const others = answers.filter(({ status, body }) => status !== 200 && body?.error?.code !== 'NO_FREE_SLOT');
  deepStrictEqual(others, []);
  const contents = new Set(answers.flatMap(({ status, body }) => (status === 200 ? [body.content] : [])));
  deepStrictEqual([...contents].sort(), models.split(', ').sort());
});

When('the orchestrator is told to {word} {string}:', function (this: PoolctlWorld, what: string, pool: string, json: string) {
  const scene = sceneOf(this);
  scene.told = askUrl(scene.orchestrator.url, 'POST', `/v2/pools/${pool}/${what}`, JSON.parse(this.filled(json)));
});

Then('the orchestrator is answered with {int} and:', async function (this: PoolctlWorld, status: number, table: DataTable) {
  holds(this, (await sceneOf(this).told) ?? undefined, status, table);
});

Then('the orchestrator sees that {string} is:', async function (this: PoolctlWorld, pool: string, table: DataTable) {
  const { orchestrator } = sceneOf(this);
  await this.untilHolds(async () => {
    const answer = await askUrl(orchestrator.url, 'GET', `/v2/pools/${pool}/health`);
    holds(this, answer, 200, table);
  });
});

/** The next of that name: those before it count as past. */
Then('the orchestrator hears {string} with:', async function (this: PoolctlWorld, name: string, table: DataTable) {
  const data = await hears(this, name);
  for (const [path = '', expected = ''] of table.raw()) expectCell(at(data, path), this.filled(expected), `${path} of ${name}`);
});

Then('the orchestrator hears {string}', async function (this: PoolctlWorld, name: string) {
  await hears(this, name);
});

Then(
  'the orchestrator hears {string}, after {string} to {string}',
  async function (this: PoolctlWorld, name: string, least: string, most: string) {
    const { duration_ms } = await hears(this, name);
    ok(duration_ms >= ms(least) && duration_ms <= ms(most), `${name} after ${duration_ms} ms`);
  },
);

/** What a supervisor that is killed has not written down yet is lost to those who come after it. */
When('the journal holds all that the orchestrator heard', async function (this: PoolctlWorld) {
  const { orchestrator } = sceneOf(this);
  await this.until('the journal', () => (journal(this).some(({ id }) => id === orchestrator.heard.at(-1)?.id) ? true : null));
});

Then('the orchestrator has heard everything that is in the journal once, in its order', async function (this: PoolctlWorld) {
  const { orchestrator } = sceneOf(this);
  await this.untilHolds(() => {
    const [first] = orchestrator.heard;
    const ids = journal(this).map(({ id }) => id);
    deepStrictEqual(
      orchestrator.heard.map(({ id }) => id),
      ids.slice(ids.indexOf(first?.id)),
    );
  });
  ok(orchestrator.connections > 1, 'it has never lost its supervisor');
});

Then(
  'an adapter sees the handoff file of {replica} come whole, with:',
  async function (this: PoolctlWorld, key: string, table: DataTable) {
    const sighting = await sees(this, key, 'came');
    for (const [path = '', expected = ''] of table.raw())
      expectCell(at(sighting.handoff, path), this.filled(expected), `${path} of the handoff file`);
    equal(await sighting.answered, 200, 'its url does not answer');
  },
);

Then('an adapter sees the handoff file of {replica} go while its engine lives', async function (this: PoolctlWorld, key: string) {
  equal((await sees(this, key, 'went')).lived, true, 'its engine had ended before');
});

Then('an adapter sees the handoff file of {replica} go', async function (this: PoolctlWorld, key: string) {
  await sees(this, key, 'went');
});

Then('an adapter may send requests to {string}', async function (this: PoolctlWorld, keys: string) {
  const { adapter } = sceneOf(this).orchestrator;
  const wanted = keys === '' ? [] : keys.split(', ').map(fileOf);
  await this.untilHolds(() => deepStrictEqual([...adapter.serving.keys()].sort(), wanted.sort()));
  for (const url of adapter.serving.values()) equal((await askUrl(url, 'GET', '/health')).status, 200);
});

Then('an adapter has never seen half a file', function (this: PoolctlWorld) {
  deepStrictEqual(
    sceneOf(this).orchestrator.adapter.sightings.filter(({ kind }) => kind === 'torn'),
    [],
  );
});

function generate({ url }: Orchestrator, pool: string, client: string, tokens: number): Promise<Answer> {
  return askUrl(url, 'POST', `/v2/pools/${pool}/generate`, { client, tokens });
}

async function hears(world: PoolctlWorld, name: string): Promise<Json> {
  const scene = sceneOf(world);
  const { heard } = scene.orchestrator;
  return world.until(`the orchestrator hears ${name}, after ${JSON.stringify(heard.at(-1))}`, () => {
    const index = heard.findIndex(({ event }, place) => place >= scene.past && event === name);
    if (index === -1) return null;
    scene.past = index + 1;
    return heard[index]?.data;
  });
}

async function sees<K extends Sighting['kind']>(
  world: PoolctlWorld,
  key: string,
  kind: K,
): Promise<Extract<Sighting, { kind: K }>> {
  const scene = sceneOf(world);
  const { sightings } = scene.orchestrator.adapter;
  return world.until(`an adapter sees that the file of ${key} ${kind}`, () => {
    const index = sightings.findIndex((each, place) => place >= scene.seen && each.kind === kind && each.file === fileOf(key));
    if (index === -1) return null;
    scene.seen = index + 1;
    return sightings[index] as Extract<Sighting, { kind: K }>;
  });
}

function holds(world: PoolctlWorld, answer: Answer | undefined, status: number, table: DataTable): void {
  equal(answer?.status, status, JSON.stringify(answer?.body));
  for (const [path = '', expected = ''] of table.raw()) expectCell(at(answer?.body, path), world.filled(expected), path);
}

function journal({ rig }: PoolctlWorld): readonly Json[] {
  const lines = readFileSync(join(rig.state, 'events.jsonl'), 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Json);
}

function sceneOf(world: PoolctlWorld): Scene {
  const scene = scenes.get(world);
  if (scene === undefined) throw new Error('there is no orchestrator');
  return scene;
}

const fileOf = (key: string): string => `${key.replace('/', '.')}.json`;
const ms = (text: string): number => parseDuration(text) ?? Number.NaN;
