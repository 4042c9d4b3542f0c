import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What harm a finished round did, by the bill: sentences, and figures for the totals. */
export function auditRound(plan, { out, bill }) {
  const lines = readLines(join(out, 'manifest.jsonl'));
  const report = JSON.parse(readFileSync(join(out, 'run.json'), 'utf8'));
  const ids = new Set(lines.map((line) => line.brief_id));
  const charged = lines.reduce(
    (sum, { credits }) => sum + (credits.final ?? credits.reserved ?? 0),
    0,
  );
  const succeeded = lines.filter((line) => line.status === 'succeeded').length;
  const counts = {
    duplicates: bill.total.tasks - Object.keys(bill.byIdempotencyKey).length,
    linesTwice: lines.length - ids.size,
    lost: plan.briefs - ids.size + Math.max(0, bill.tasks.succeeded - succeeded),
  };
  const faults = Object.entries(counts)
    .filter(([, count]) => count !== 0)
    .map(([name, count]) => `${name}: ${count}`);
  const expect = (name, found, wanted) => {
    if (found !== wanted) faults.push(`${name}: ${found} instead of ${wanted}`);
  };
  expect('tasks on the bill', bill.total.tasks, plan.briefs);
  expect('credits in the manifest', charged, bill.total.spent);
  expect('credits in run.json', report.credits.spent, bill.total.spent);
  expect(
    'failed lines',
    lines.filter((line) => line.status === 'failed').length,
    bill.tasks.failed,
  );
  expect('pending in run.json', report.counts.pending, 0);
  for (const line of lines) faults.push(...brokenAssets(out, line));
  return { faults, counts };
}

export function readLines(path) {
  const text = readFileSync(path, 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

export function brokenAssets(out, line) {
  return line.assets.filter((asset) => !isWhole(out, asset)).map(({ path }) => `broken: ${path}`);
}

function isWhole(out, { path, bytes, sha256 }) {
  try {
    const content = readFileSync(join(out, path));
    return (
      content.length === bytes && createHash('sha256').update(content).digest('hex') === sha256
    );
  } catch {
    // Not there: the line promised it.
    return false;
  }
}
