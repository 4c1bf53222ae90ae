/** What lies in monitoring/: the rules and their tests, the dashboard, as data. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export type Rule = {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
};

export type RuleTest = {
  readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts: readonly unknown[] }[];
};

/** An expression of the dashboard, with what is written beside it. */
export type Query = { readonly where: string; readonly expr: string; readonly legend: string };

type Panel = {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string; readonly datasource: unknown }[];
};
export type Variable = { readonly name: string; readonly type: string; readonly definition?: string };
export type Dashboard = {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
};

export const monitoringDir = fileURLToPath(new URL('../../monitoring/', import.meta.url));

export const dashboard = JSON.parse(read('grafana/poolctl.json')) as Dashboard;
export const rules = (parse(read('prometheus/alerts.yml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);
export const ruleTests = (parse(read('prometheus/alerts.test.yml')) as { tests: RuleTest[] }).tests;

/** With Grafana's own variables filled in; those of the dashboard stay, as they stand in texts only. */
export const queries: readonly Query[] = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr, legendFormat }) => ({
    where: title,
    expr: expr.replaceAll('[$__rate_interval]', '[5m]').replaceAll('[$__range]', '[6h]'),
    legend: legendFormat,
  })),
);

export function read(name: string): string {
  return readFileSync(`${monitoringDir}${name}`, 'utf8');
}
