#!/usr/bin/env node
// Keeps a list of the replicas that serve in a file of somebody who stands in front of them, and tells them when it has changed.
//
//   backends.mjs --format nginx|litellm --out FILE --pool POOL [--pool POOL ...] [--handoff DIR] [-- COMMAND ...]
//
// poolctl writes a handoff file before a replica takes requests, and removes it before a drain begins, so the list is never behind it for longer
// than COMMAND takes. Ends with SIGTERM or Ctrl-C, 1 where it cannot write.

import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, renameSync, watch, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

/** A replica becomes ready, or goes, in several steps of the file system. */
const settleMs = 50;
/** There is no such directory before the first `poolctl up`. */
const retryMs = 1_000;

const formats = {
  nginx: (pools) =>
    pools
      .map(([pool, engines]) => {
        const servers = engines.map(({ url }) => `  server ${new URL(url).host};\n`);
        // An upstream without a server is an error of nginx; one that is down answers 502.
        return `upstream ${pool} {\n  least_conn;\n${servers.length === 0 ? '  server 127.0.0.1:9 down;\n' : servers.join('')}}\n`;
      })
      .join(''),
  litellm: (pools) => {
    const entries = pools.flatMap(([pool, engines]) =>
      engines.map(({ url, model }) => ({
        model_name: pool,
        litellm_params: { model: `openai/${model.id}`, api_base: `${url}/v1`, api_key: 'none' },
      })),
    );
    // YAML reads JSON.
    return `${JSON.stringify({ model_list: entries }, null, 2)}\n`;
  },
};

const usage =
  'usage: backends.mjs --format nginx|litellm --out FILE --pool POOL [--pool POOL ...] [--handoff DIR] [-- COMMAND ...]\n';

const [own, command] = split(process.argv.slice(2));
const values = optionsOf(own);
const format = formats[values.format];
if (format === undefined || values.out === undefined || values.pool.length === 0) {
  process.stderr.write(usage);
  process.exit(2);
}

let written = null;
let running = false;
let stale = false;
let timer;

follow();

function optionsOf(args) {
  const options = {
    format: { type: 'string', default: 'nginx' },
    out: { type: 'string' },
    pool: { type: 'string', multiple: true, default: [] },
    handoff: { type: 'string', default: join(stateDir(), 'handoff') },
    help: { type: 'boolean', short: 'h', default: false },
  };
  try {
    const { values } = parseArgs({ args, options });
    if (!values.help) return values;
    process.stdout.write(usage);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`error: ${error.message}\n${usage}`);
    process.exit(2);
  }
}

function follow() {
  try {
    watch(values.handoff, soon).on('error', () => setTimeout(follow, retryMs));
    soon();
  } catch {
    setTimeout(follow, retryMs);
  }
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(update, settleMs);
}

function update() {
  const text = format(values.pool.map((pool) => [pool, engines().filter(({ pool_id }) => pool_id === pool)]));
  if (text === written) return;
  try {
    writeFileSync(`${values.out}.new`, text);
    renameSync(`${values.out}.new`, values.out);
  } catch (error) {
    process.stderr.write(`error: cannot write ${values.out}: ${error.message}\n`);
    process.exit(1);
  }
  written = text;
  tell();
}

/** What serves now, in the order of its names. */
function engines() {
  return readdirSync(values.handoff)
    .filter((name) => name.endsWith('.json'))
    .toSorted()
    .flatMap((name) => {
      try {
        return [JSON.parse(readFileSync(join(values.handoff, name), 'utf8'))];
      } catch {
        // It has gone meanwhile.
        return [];
      }
    });
}

/** One run of the command after another; what changes meanwhile is told by one more. */
function tell() {
  if (command.length === 0) return;
  if (running) {
    stale = true;
    return;
  }
  running = true;
  const child = spawn(command[0], command.slice(1), { stdio: 'inherit' });
  const ended = (why) => {
    running = false;
    if (why !== 0) process.stderr.write(`warning: ${command.join(' ')}: ${why}\n`);
    if (!stale) return;
    stale = false;
    tell();
  };
  child.once('error', ({ message }) => ended(message));
  child.once('exit', (code, signal) => ended(signal ?? code));
}

function split(words) {
  const at = words.indexOf('--');
  return at < 0 ? [words, []] : [words.slice(0, at), words.slice(at + 1)];
}

function stateDir() {
  const { POOLCTL_STATE_DIR, XDG_STATE_HOME } = process.env;
  return POOLCTL_STATE_DIR ?? join(XDG_STATE_HOME ?? join(homedir(), '.local/state'), 'poolctl');
}
