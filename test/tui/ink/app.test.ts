/** The frames as Ink draws them: the same lines, at every size, with every inventory. */

import { render } from 'ink-testing-library';
import { createElement } from 'react';
import { describe, expect, it } from 'vitest';
import { plain } from '../../../src/text/colour.js';
import { displayWidth } from '../../../src/text/width.js';
import { App, Frames } from '../../../src/tui/app.js';
import { frame } from '../../../src/tui/frame.js';
import { paintLine } from '../../../src/tui/line.js';
import type { Model, Size } from '../../../src/tui/model.js';
import { until } from '../../host/scratch.js';
import { inventory, modelOf, rig01 } from '../made.js';

const linesOf = (model: Model): readonly string[] => frame(model).map((line) => paintLine(line, plain));

function drawn(model: Model): readonly string[] {
  const frames = new Frames();
  frames.show(linesOf(model), model.size.columns);
  const { lastFrame, unmount } = render(createElement(App, { frames }));
  const text = lastFrame() ?? '';
  unmount();
  return text.split('\n');
}

const sizes: readonly Size[] = [
  { columns: 40, rows: 8 },
  { columns: 60, rows: 16 },
  { columns: 80, rows: 24 },
  { columns: 140, rows: 40 },
];

describe.each(sizes)('at $columns x $rows', (size) => {
  it.each([0, 1, 8, 16])('%i devices and 0, 1 or 40 replicas: no line too wide, one row free', (devices) => {
    for (const replicas of [0, 1, 40]) {
      const model = modelOf(inventory(devices, replicas), size);
      const lines = drawn(model);
      expect(lines).toHaveLength(size.rows - 1);
      expect(Math.max(...lines.map(displayWidth))).toBeLessThanOrEqual(size.columns);
      expect(lines).toEqual(linesOf(model));
    }
  });
});

it('draws a frame whenever there is another one', async () => {
  const frames = new Frames();
  const size = { columns: 80, rows: 24 };
  frames.show(linesOf(modelOf(null, size)), 80);
  const { lastFrame, unmount } = render(createElement(App, { frames }));
  expect(lastFrame()).not.toContain('chat/r0');
  frames.show(linesOf(modelOf(rig01(), size)), 80);
  await until(() => lastFrame()?.includes('> chat/r0   + ready') === true);
  unmount();
});
