/** Alert rules and dashboard by themselves: whole, tested, and with commands that there are. */

import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import type { Cli } from '../../commands/cli.js';
import { commands } from '../../commands/index.js';
import { buildProgram } from '../../commands/program.js';
import { dashboard, monitoringDir, read, rules, ruleTests } from './files.js';
import { promtool, unlessThere } from './promtool.js';

const program = await buildProgram(Object.keys(commands), { version: '0' } as Cli);
const files = ['README.md', 'prometheus/alerts.yml', 'grafana/poolctl.json'];

/** What a text tells people to type: `"poolctl logs chat/r0 --previous"`. */
const typed = (text: string): readonly string[] => [...text.matchAll(/["`]poolctl ([^"`]+)["`]/g)].map(([, words = '']) => words);

describe('each alert', () => {
  it.each(rules)('$alert says what is wrong and what to type, and how bad it is', ({ labels, annotations }) => {
    expect(annotations.summary).toMatch(/\w{4}/);
    expect(typed(annotations.description ?? '').length).toBeGreaterThan(0);
    expect(['info', 'warning', 'critical']).toContain(labels.severity);
  });

  it.each(rules)('$alert is tested: it fires, and there is a time when it does not', ({ alert }) => {
    const tests = ruleTests.flatMap((test) => test.alert_rule_test).filter(({ alertname }) => alertname === alert);
    expect(tests.filter(({ exp_alerts }) => exp_alerts.length > 0).length).toBeGreaterThan(0);
    expect(tests.filter(({ exp_alerts }) => exp_alerts.length === 0).length).toBeGreaterThan(0);
  });
});

describe('the dashboard', () => {
  it('asks the data source that is chosen, and has every panel once', () => {
    const sources = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ datasource }) => datasource));
    for (const source of sources) expect(source).toEqual({ type: 'prometheus', uid: `\${datasource}` });
    expect(dashboard.templating.list.map(({ name, type }) => [name, type])).toEqual([
      ['datasource', 'datasource'],
      ['instance', 'query'],
      ['pool', 'query'],
    ]);
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('commands that are named', () => {
  it.each(files)('in %s are there, with their options', (file) => {
    for (const words of typed(read(file))) {
      const [verb = '', ...rest] = words.split(' ');
      const command = program.commands.find((each) => each.name() === verb);
      if (command === undefined) throw new Error(`${file} names "poolctl ${words}", and there is no ${verb}`);
      const flags = rest.filter((word) => word.startsWith('-'));
      for (const flag of flags) expect(optionsOf(command), `poolctl ${words}`).toContain(flag);
    }
  });
});

describe.skipIf(promtool === null)(`rules: ${unlessThere}`, () => {
  it('can read them', () => {
    expect(promtool?.(['check', 'rules', `${monitoringDir}prometheus/alerts.yml`])).toMatchObject({ status: 0 });
  });

  it('sees each fire, and not before its time', () => {
    expect(promtool?.(['test', 'rules', `${monitoringDir}prometheus/alerts.test.yml`])).toMatchObject({ status: 0 });
  });
});

function optionsOf({ options }: Command): readonly string[] {
  return [...options, ...program.options].flatMap(({ short, long }) => [short ?? '', long ?? '']);
}
