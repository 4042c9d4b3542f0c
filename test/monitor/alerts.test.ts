import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { alertKinds } from '../../src/monitor/reading/alerts.js';

interface Rule {
  alert: string;
  labels: { severity: string };
  annotations: { summary: string; description?: string };
}

/** What only somebody sees who looks at the monitor itself, or at a whole hour. */
const withoutKind = ['MonitorDown', 'RedisDown', 'RefusalsHigh', 'Stuck'];

it('what the monitor tells on its first page has the words of the rules for Prometheus', async () => {
  const file = await readFile(new URL('../../ops/alerts.yml', import.meta.url), 'utf8');
  const { groups } = parse(file) as { groups: { rules: Rule[] }[] };
  const rules = groups.flatMap((group) => group.rules);
  const named = rules.map(({ alert }) => alert.replace(/^RivyaBatch/, ''));
  expect(named.sort()).toEqual([...Object.keys(alertKinds), ...withoutKind].sort());
  for (const [name, { severity, what, toDo }] of Object.entries(alertKinds)) {
    const rule = rules.find(({ alert }) => alert === `RivyaBatch${name}`);
    const [label] = /\$labels\.\w+/.exec(rule?.annotations.summary ?? '') ?? [];
    const of = label === '$labels.account' ? `account {{ ${label} }}` : `{{ ${label} }}`;
    expect(rule).toMatchObject({
      labels: { severity },
      annotations: { summary: what(of), description: toDo },
    });
  }
});
