/** The live view's keys: its own help and the manual page say the same. */

import { expect, it } from 'vitest';
import { help } from '../../src/tui/help-lines.js';
import { items, page, section, subsections } from './page.js';

it('poolctl-status(1) has every key of the live view and what it does, and no others', () => {
  const keys = subsections(section(page('poolctl-status.1'), 'DESCRIPTION')).find(([title]) => title === 'Keys of the live view');
  const told = items(keys?.[1] ?? []).map(
    ({ head, text }) => `${head.replace(/^Cm (\\&)?/, '')}: ${text.trim().replaceAll('\n', ' ')}`,
  );
  expect(told).toEqual(help.map(({ keys: each, does }) => `${each}: ${does.charAt(0).toUpperCase()}${does.slice(1)}.`));
});
