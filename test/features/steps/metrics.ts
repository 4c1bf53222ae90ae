/** What a scrape shows. */

import { equal, ok } from 'node:assert/strict';
import { type DataTable, Then } from '@cucumber/cucumber';
import { parseExposition, type Sample } from '../../rig/exposition.js';
import type { PoolctlWorld } from '../world/world.js';

/**
 * A row a series: `name{label="value"}` with as many labels as it takes to mean one alone, and its value, `at least 3`, or `none` where there is to be no such
 * series. They hold all at once, sooner or later.
 */
Then('the metrics come to show:', async function (this: PoolctlWorld, table: DataTable) {
  await this.untilHolds(async () => {
    const { body } = await this.ask('GET', '/metrics');
    const samples = [...parseExposition(body).values()].flatMap((family) => [...family.samples.values()]);
    for (const [series = '', expected = ''] of table.raw()) expectSeries(samples, series, expected);
  });
});

function expectSeries(samples: readonly Sample[], series: string, expected: string): void {
  const [, name, written = ''] = /^(\w+)(?:\{(.*)\})?$/.exec(series) ?? [];
  const labels = [...written.matchAll(/(\w+)="([^"]*)"/g)].map(([, label = '', value = '']) => [label, value] as const);
  const found = samples.filter(
    (sample) => sample.name === name && labels.every(([label, value]) => sample.labels[label] === value),
  );
  const shown = `${series}: ${JSON.stringify(found)}`;
  equal(found.length, expected === 'none' ? 0 : 1, shown);
  if (expected === 'none') return;
  const value = found[0]?.value ?? Number.NaN;
  const least = /^at least (\d+)$/.exec(expected)?.[1];
  if (least === undefined) equal(value, Number(expected), shown);
  else ok(value >= Number(least), shown);
}
