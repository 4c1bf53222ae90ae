/** What holds of every frame: whatever is shown, at any size, of any inventory, after any keys. */

import { expect, it } from 'vitest';
import { plain } from '../../src/text/colour.js';
import { displayWidth } from '../../src/text/width.js';
import { frame } from '../../src/tui/frame.js';
import { keysOf } from '../../src/tui/keys.js';
import { paintLine, textOf } from '../../src/tui/line.js';
import type { Model } from '../../src/tui/model.js';
import { hear, type News } from '../../src/tui/news.js';
import { press } from '../../src/tui/press.js';
import fc from '../rig/chance.js';
import { leaseView, poolView, replicaView, statusView } from '../rig/views.js';
import { brokenReplica, deviceView, eventLine, inventory, modelOf, now, rig01, told } from './made.js';

const sizes = fc.record({ columns: fc.integer({ min: 1, max: 250 }), rows: fc.integer({ min: 1, max: 80 }) });
/** Wide and combining characters, tabs and escapes among them. */
const texts = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.constantFrom('漢字'.repeat(60), 'e\u0301'.repeat(90), '\u001b[31mred\u001b[0m\tand\r', '👩‍🚀 🚀', 'word '.repeat(80)),
);

const views = fc.oneof(
  fc
    .record({ devices: fc.constantFrom(0, 1, 3, 8, 16), replicas: fc.constantFrom(0, 1, 5, 40) })
    .map((of) => inventory(of.devices, of.replicas)),
  fc.constant(rig01()),
  fc
    .record({ pool: fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,62}$/), why: texts, name: texts, mask: texts })
    .map(({ pool, why, name, mask }) =>
      statusView(
        [poolView(pool, [replicaView({ why, device_mask: mask, last_error: why, model_ref: why }), { ...brokenReplica, why }])],
        {
          devices: [deviceView(0, { name }), deviceView(1, { healthy: false, ailment: why, pools: [pool, pool] })],
        },
      ),
    ),
);

const news: fc.Arbitrary<News> = fc.oneof(
  views.map((view): News => ({ kind: 'view', view, current: true })),
  texts.map(
    (human): News => ({
      kind: 'event',
      event: eventLine(1, { human, pool_id: 'pool-0', replica_id: 'r0', from: 'ready', to: 'broken' }),
    }),
  ),
  texts.map((text): News => ({ kind: 'log', key: 'pool-0/r0', lines: text.split('\n') })),
  texts.map((text): News => ({ kind: 'said', text, tone: 'bad' })),
  texts.map((holder): News => ({ kind: 'leases', leases: [leaseView({ pool_id: 'pool-0', holder })] })),
  texts.map((text): News => ({ kind: 'command', key: 'pool-0/r0', incarnation: 1, line: { argv: [text, text], env: [text] } })),
  texts.map((what): News => ({ kind: 'lost', failure: { kind: 'refused', what, why: what, hint: what }, retryAt: now + 2_000 })),
  sizes.map((size): News => ({ kind: 'resized', size })),
);

const keys = fc.oneof(
  fc.constantFrom(
    ...'jkgGlfnNwpdsSrxy12345?:/q',
    '\r',
    '\u001b',
    '\t',
    '\u001b[A',
    '\u001b[B',
    '\u001b[5~',
    '\u001b[6~',
    '\u007f',
    '\u0004',
    '\u0015',
  ),
  texts,
);

const steps = fc.array(
  fc.oneof(
    news.map((value) => ({ value, typed: null })),
    keys.map((typed) => ({ value: null, typed })),
  ),
  { maxLength: 25 },
);

it('no line is wider than the terminal, and one row stays free', () => {
  fc.assert(
    fc.property(sizes, fc.option(views, { nil: null }), steps, fc.boolean(), (size, view, after, utf8) => {
      let model: Model = modelOf(view, size, { utf8 });
      fits(model);
      for (const { value, typed } of after) {
        if (value !== null) model = told(model, value);
        for (const key of keysOf(typed ?? '')) model = press(model, key).model;
        fits(model);
      }
    }),
    { numRuns: 150 },
  );
});

function fits(model: Model): void {
  const { columns, rows } = model.size;
  for (const shown of [model, hear(model, { kind: 'time' }, model.now + 7_000)]) {
    const lines = frame(shown);
    expect(lines.length).toBeLessThanOrEqual(Math.max(0, rows - 1));
    for (const line of lines) {
      expect(displayWidth(textOf(line)), JSON.stringify(textOf(line))).toBeLessThanOrEqual(columns);
      // Nothing of others can steer the terminal, or break a line.
      expect(paintLine(line, plain)).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    }
  }
}
