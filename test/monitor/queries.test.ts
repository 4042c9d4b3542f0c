import { readFile } from 'node:fs/promises';
import { parser } from '@prometheus-io/lezer-promql';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { DurationLedger } from '../../src/ledger/durations.js';
import { openLedger } from '../support/ledger.js';
import { openSchedules, plan, webhookTo } from '../support/schedules.js';
import { openMonitor } from './open-monitor.js';
import { endedOn } from './open-nights.js';

/** Label names of a metric, each with the values that it has. */
type Labels = Map<string, Set<string>>;

/** What a monitor serves that looks at one of everything. */
async function servedMetrics(): Promise<Map<string, Labels>> {
  const opened = await openLedger();
  const { account, ledger, redis } = opened;
  await opened.admit('one', 'two');
  await ledger.markAdmission('complete');
  await ledger.setCaps({ batch: 50, day: undefined });
  await redis.hset(account.keys.prices, 'z-image', 1);
  for (const durations of [account.keys.notices, account.keys.durations]) {
    await new DurationLedger(redis, { durations }).note(['z-image'], 2_000);
  }
  await account.heartbeat('worker', { rate: 7, inFlight: 3 });
  await account.records.noteWallet(5);
  await account.records.addAnswers([{ endpoint: 'submit', outcome: 'ok', count: 3 }]);
  const { add, note } = openSchedules(opened);
  await add(plan('nightly'), webhookTo('https://hooks.test/a'));
  await note('nightly', endedOn(0, 4));
  const { get } = await openMonitor({}, opened);
  const { text } = await get('/metrics');
  const served = new Map<string, Labels>();
  for (const [, metric = '', inside = ''] of text.matchAll(/^(\w+)(?:\{(.*)\})? \S+$/gm)) {
    const labels: Labels = served.get(metric) ?? new Map();
    served.set(metric, labels);
    for (const [, label = '', value = ''] of inside.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      labels.set(label, (labels.get(label) ?? new Set()).add(value));
    }
  }
  return served;
}

/** What is wrong with a query: what is no PromQL, and what names a metric, a label or a value that nobody serves. */
function faultsOf(query: string, served: ReadonlyMap<string, Labels>): string[] {
  // What Grafana puts in their places.
  const text = query.replaceAll('$__rate_interval', '5m');
  const faults: string[] = [];
  const named = new Set<string>();
  let metric = '';
  let label = '';
  parser.parse(text).iterate({
    enter: ({ type, name, from, to, node }) => {
      const word = text.slice(from, to);
      if (type.isError) faults.push(`is no PromQL at ${from}`);
      if (name === 'Identifier') {
        metric = word;
        if (/^rivya_batch_/.test(word) && !served.has(word)) faults.push(`${word} is not served`);
        for (const known of served.get(word)?.keys() ?? []) named.add(known);
      }
      const labels = served.get(metric);
      if (name === 'LabelName' && node.parent?.name === 'UnquotedLabelMatcher') {
        label = word;
        if (labels && !labels.has(word)) faults.push(`${metric} has no label ${word}`);
      }
      if (name === 'StringLiteral' && labels && !/[$*]/.test(word)) {
        const values = word.slice(1, -1).split('|');
        for (const value of values) {
          if (!labels.get(label)?.has(value)) faults.push(`no ${metric} has ${label}="${value}"`);
        }
      }
    },
  });
  // The modifier of an aggregation may stand before what it is of.
  for (const [, grouping = ''] of text.matchAll(/\b(?:by|on) \(([^)]*)\)/g)) {
    for (const word of grouping.split(/, ?/)) {
      if (!named.has(word)) faults.push(`is grouped by ${word}, which none of it has`);
    }
  }
  return faults.map((fault) => `${query}: ${fault}`);
}

interface Board {
  title: string;
  panels: {
    id: number;
    title: string;
    targets?: { expr: string; legendFormat: string }[];
    gridPos: { x: number; y: number; w: number; h: number };
  }[];
  templating: { list: { name: string; type: string; definition?: string }[] };
}

async function inOps(file: string): Promise<string> {
  return readFile(new URL(`../../ops/${file}`, import.meta.url), 'utf8');
}

it('every query of the alerts and of the board for Grafana asks for what the monitor serves', async () => {
  const served = await servedMetrics();
  const { groups } = parse(await inOps('alerts.yml')) as {
    groups: { rules: { expr: string }[] }[];
  };
  const board = JSON.parse(await inOps('grafana.json')) as Board;
  const targets = board.panels.flatMap((panel) => panel.targets ?? []);
  const variables = board.templating.list.flatMap(({ definition }) => {
    return /^label_values\((.*), (\w+)\)$/.exec(definition ?? '')?.slice(1, 3) ?? [];
  });
  expect(variables).toHaveLength(4);
  const [accounts = '', account = '', batches = '', batch = ''] = variables;
  const queries = [
    ...groups.flatMap(({ rules }) => rules.map(({ expr }) => expr)),
    ...targets.map(({ expr }) => expr),
    `sum by (${account}) (${accounts})`,
    `sum by (${batch}) (${batches})`,
  ];
  expect(queries.length).toBeGreaterThan(45);
  expect(queries.flatMap((query) => faultsOf(query, served))).toEqual([]);
  // All that is served is on the board, but for what only tells of others.
  const asked = queries.join('\n');
  const unasked = [...served.keys()].filter((metric) => !asked.includes(metric));
  expect(unasked).toEqual([
    'rivya_batch_in_flight_oldest_seconds',
    'rivya_batch_requests_total',
    'rivya_batch_schedule_runs_total',
    'rivya_batch_schedule_runs_kept',
    'rivya_batch_schedule_last_run_timestamp_seconds',
  ]);
  for (const { expr, legendFormat } of targets) {
    for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
      const of = [...expr.matchAll(/rivya_batch_\w+/g)].some(([metric]) =>
        served.get(metric)?.has(label),
      );
      expect([expr, label, of]).toEqual([expr, label, true]);
    }
  }
});

it('a query that asks for something else is found out', async () => {
  const served = new Map([['rivya_batch_jobs', new Map([['state', new Set(['active'])]])]]);
  const faults = (query: string) => faultsOf(query, served).length;
  expect(faults('sum by (state) (rivya_batch_jobs{state="active"})')).toBe(0);
  expect(faults('rivya_batch_job')).toBe(1);
  expect(faults('rivya_batch_jobs{status="active"}')).toBeGreaterThan(0);
  expect(faults('rivya_batch_jobs{state="actve"}')).toBe(1);
  expect(faults('sum by (stage) (rivya_batch_jobs)')).toBe(1);
  expect(faults('rate(rivya_batch_jobs[5m)')).toBeGreaterThan(0);
});
