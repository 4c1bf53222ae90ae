// Draws the picture of the live view that README.md shows: demo engines under a real supervisor, `poolctl top` in a real terminal (tmux), and
// what stands there as SVG. Usage: node scripts/picture.mjs [FILE.svg]; needs tmux and a build.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../dist/bin/poolctl.js', import.meta.url));
const file = process.argv[2] ?? fileURLToPath(new URL('../docs/top.svg', import.meta.url));
const [columns, rows] = [100, 26];
/** The eight of a terminal, black to white. */
const colours = ['#4b5059', '#e06c75', '#98c379', '#e5c07b', '#61afef', '#c678dd', '#56b6c2', '#d7dae0'];

const inventory = `version: 1
supervisor: { ports: 18100-18199, engine_poll: 1s }
pools:
  chat: { engine: demo, model: "hf:demo/qwen3-8b-q4_k_m.gguf", device_masks: [cpu, cpu] }
  code: { engine: demo, model: "hf:demo/devstral-small-q5_k_m.gguf", device_masks: [cpu, cpu], args: [--token-time, 200ms] }
  embed: { engine: demo, model: "hf:demo/e5-mistral.gguf", device_masks: [cpu], args: [--load-time, 200ms, --order, "crash?after=300ms"] }
  vision: { engine: demo, model: "hf:demo/pixtral-12b.gguf", device_masks: [cpu], args: [--load-time, 10m], health: { startup_deadline: 15m } }
`;

const dir = mkdtempSync(join(tmpdir(), 'poolctl-picture-'));
const env = { PATH: process.env.PATH, HOME: dir, TERM: 'xterm-256color', LANG: 'C.UTF-8', POOLCTL_STATE_DIR: join(dir, 'state') };
/** What it answers: `status` has an exit status of its own where not all are ready. */
const poolctl = (...args) => spawnSync(process.execPath, [program, ...args], { cwd: dir, env, encoding: 'utf8' }).stdout;
const tmux = (...args) => execFileSync('tmux', ['-L', `picture-${process.pid}`, ...args], { cwd: dir, env, encoding: 'utf8' });

writeFileSync(join(dir, 'pools.yaml'), inventory);
const up = spawn(process.execPath, [program, 'up'], { cwd: dir, env, stdio: 'ignore' });
try {
  await until(() => (poolctl('status').match(/ ready /g) ?? []).length >= 4);
  for (const holder of ['nightly-batch', 'editor']) poolctl('lease', 'acquire', 'code/r0', '--holder', holder);
  poolctl('lease', 'acquire', 'chat/r0', '--holder', 'agent');
  const { pools } = JSON.parse(poolctl('status', '--json', 'code'));
  ask(pools[0].replicas[0].url, 400);
  ask(pools[0].replicas[1].url, 400);
  poolctl('drain', 'code/r0', '--deadline', '5m', '--no-wait');
  // A breaker opens at the fifth crash.
  await until(() => poolctl('status', '--json').includes('"state":"broken"'), 60_000);
  tmux('new-session', '-d', '-x', String(columns), '-y', String(rows), `exec '${process.execPath}' '${program}' top`);
  await until(() => screen().includes('code/r1'));
  tmux('send-keys', 'j', 'j', 'j');
  await until(() => /> code\/r1/.test(screen()) && screen().includes('code/r1 log'));
  await sleep(2_500);
  writeFileSync(file, svgOf(tmux('capture-pane', '-e', '-p')));
} finally {
  try {
    tmux('kill-server');
  } catch {}
  poolctl('down', '--now');
  up.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
}

function screen() {
  return tmux('capture-pane', '-p');
}

async function until(look, withinMs = 30_000) {
  for (const end = Date.now() + withinMs; ; await sleep(200)) {
    try {
      if (look()) return;
    } catch {}
    if (Date.now() > end) throw new Error('it does not come to that');
  }
}

/** A long answer that nobody waits for. */
function ask(url, tokens) {
  const body = JSON.stringify({ prompt: 'a story', max_tokens: tokens });
  fetch(`${url}/v1/completions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body }).catch(() => {});
}

function svgOf(text) {
  const [cell, line, pad] = [8.4, 18, 14];
  const drawn = text
    .split('\n')
    .slice(0, rows)
    .map((each, row) => {
      const spans = spansOf(each).map(({ text: words, style }) => `<tspan${style}>${escaped(words)}</tspan>`);
      return `<text x="${pad}" y="${pad + (row + 1) * line - 4}" xml:space="preserve">${spans.join('')}</text>`;
    });
  const [width, height] = [columns * cell + 2 * pad, rows * line + 2 * pad];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14">
<title>poolctl top</title>
<rect width="${width}" height="${height}" rx="8" fill="#16181d"/>
<g fill="#d7dae0">
${drawn.join('\n')}
</g>
</svg>
`;
}

/** Runs of characters that look alike: bold, dim, inverse and the sixteen colours. */
function spansOf(line) {
  let style = { bold: false, dim: false, inverse: false, colour: null };
  return line.split('\u001b[').flatMap((part, at) => {
    const [, codes = '', rest = part] = at === 0 ? [] : (/^([\d;]*)m(.*)$/s.exec(part) ?? []);
    if (at > 0) style = codes.split(';').map(Number).reduce(styled, style);
    return rest === '' ? [] : [{ text: rest, style: attributes(style) }];
  });
}

function styled(style, code) {
  if (code === 0) return { bold: false, dim: false, inverse: false, colour: null };
  if (code === 1) return { ...style, bold: true };
  if (code === 2) return { ...style, dim: true };
  if (code === 7) return { ...style, inverse: true };
  if (code === 22) return { ...style, bold: false, dim: false };
  if (code === 27) return { ...style, inverse: false };
  if (code === 39) return { ...style, colour: null };
  if (code >= 30 && code <= 37) return { ...style, colour: colours[code - 30] };
  if (code >= 90 && code <= 97) return { ...style, colour: colours[code - 90] };
  return style;
}

function attributes({ bold, dim, inverse, colour }) {
  const fill = inverse ? '#ffffff' : colour;
  return `${fill === null ? '' : ` fill="${fill}"`}${bold || inverse ? ' font-weight="bold"' : ''}${dim ? ' opacity="0.6"' : ''}`;
}

function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
