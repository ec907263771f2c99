/**
 * `ops/`: the dashboard, the alert rules and the systemd unit. Every expression is PromQL by Prometheus' own grammar, and
 * every metric in it is one that a running server shows.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { parser } from '@prometheus-io/lezer-promql';
import { parse } from 'yaml';
import { scrape, type Scrape } from './support/metrics.ts';
import { REPO, Server } from './support/server.ts';

const OPS = join(REPO, 'ops');
const text = (name: string): string => readFileSync(join(OPS, name), 'utf8');

/** Fails for what Prometheus could not parse; answers the names of the metrics in it. */
function metricsIn(expression: string): string[] {
  // Grafana puts durations in for these.
  const promQl = expression.replaceAll(/\$__(?:rate_)?interval/gu, '5m');
  const names: string[] = [];
  parser.parse(promQl).iterate({
    enter: (node) => {
      assert.ok(!node.type.isError, `not PromQL at ${node.from}: ${promQl}`);
      if (node.type.name !== 'VectorSelector') return;
      const name = node.node.getChild('Identifier');
      if (name !== null) names.push(promQl.slice(name.from, name.to));
    },
  });
  return names;
}

type Panel = {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
};
type Dashboard = {
  readonly panels: readonly Panel[];
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
};
type Rule = {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
};
type Rules = {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
};

const dashboard = JSON.parse(text('grafana-dashboard.json')) as Dashboard;
const rules = (parse(text('alerts.yml')) as Rules).groups.flatMap((group) => group.rules);
const charts = dashboard.panels.filter(({ type }) => type !== 'row');

describe('every metric that is asked for is one of a running server', () => {
  let page: Scrape;
  before(async () => {
    const server = await Server.start();
    page = await scrape(server);
    await server.remove();
  });

  /** Prometheus' own, about each target. */
  const OWN = ['up'];
  function isShown(name: string): boolean {
    const histogram = /^(.+)_(?:bucket|sum|count)$/u.exec(name)?.[1];
    return (
      OWN.includes(name) ||
      page.types.has(name) ||
      (histogram !== undefined && page.types.get(histogram) === 'histogram')
    );
  }

  const asked = [
    ...charts.flatMap(({ title, targets }) => (targets ?? []).map(({ expr }) => [title, expr])),
    ...dashboard.annotations.list.map(({ expr }) => ['annotation', expr]),
    ...rules.map(({ alert, expr }) => [alert, expr]),
  ] as [string, string][];
  test('in the dashboard and the alerts', () => {
    assert.ok(asked.length > 30);
    for (const [title, expr] of asked) {
      const names = metricsIn(expr);
      assert.ok(names.length > 0, `${title} asks for nothing: ${expr}`);
      for (const name of names) assert.ok(isShown(name), `${title}: no metric ${name}`);
    }
  });

  test('and every metric of ours is in the dashboard, or is one of a few', () => {
    const used = asked.flatMap(([, expr]) => metricsIn(expr));
    const unused = [...page.types.keys()].filter(
      (name) => name.startsWith('taximeter_') && !used.some((other) => other.startsWith(name)),
    );
    assert.deepEqual(unused.toSorted(), [
      'taximeter_audit_hours_total',
      'taximeter_audit_runs_total',
      'taximeter_build_info',
      'taximeter_http_requests_in_flight',
      'taximeter_log_lines_dropped_total',
    ]);
  });
});

describe('the dashboard', () => {
  test('has panels with ids and places of their own', () => {
    const { panels } = dashboard;
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    for (const one of panels) {
      assert.ok(one.gridPos.x + one.gridPos.w <= 24, one.title);
      for (const other of panels) {
        const [a, b] = [one.gridPos, other.gridPos];
        const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
        assert.ok(one === other || apart, `${one.title} lies over ${other.title}`);
      }
    }
  });
});

describe('the alerts', () => {
  test('each has a name of its own, says what it means and how bad it is', () => {
    assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
    for (const { alert, labels, annotations, for: duration } of rules) {
      assert.match(alert, /^Taximeter[A-Z]\w+$/u);
      assert.match(labels.severity, /^(?:page|ticket)$/u);
      assert.ok(annotations.summary !== '' && annotations.description !== '', alert);
      assert.match(duration ?? '0s', /^\d+[smh]$/u, alert);
    }
  });
});

test('systemd takes the unit', (t) => {
  if (!existsSync('/usr/bin/systemd-analyze')) return t.skip('this system has no systemd-analyze');
  const verify = (): void => {
    execFileSync('systemd-analyze', ['verify', join(OPS, 'taximeter.service')], { stdio: 'pipe' });
  };
  try {
    verify();
  } catch (error) {
    // All that is wrong is that it is not installed here.
    const said = String((error as { readonly stderr: Buffer }).stderr).trim();
    const missing =
      /^taximeter\.service: Command \S+ is not executable: No such file or directory$/u;
    for (const line of said.split('\n')) assert.match(line, missing);
  }
});
