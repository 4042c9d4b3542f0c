import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readMeta } from '../../src/ledger/batch-meta.js';
import { runReport, runReportSchema } from '../../src/results/run-report.js';
import { identity } from '../support/ledger.js';

const count = fc.nat({ max: 1_000_000 });

function report(fields: Record<string, string | number>) {
  const texts = Object.entries({ ...identity, ...fields }).map(([key, value]) => [key, `${value}`]);
  const meta = readMeta('spring', Object.fromEntries(texts));
  if (!meta) throw new Error('the fields make no batch');
  return runReport(meta, Date.parse('2026-06-01T13:00:00Z'));
}

it('S4: what was made and what was admitted add up, whatever the counters say', () => {
  fc.assert(
    fc.property(count, count, count, fc.tuple(count, count, count, count), (...numbers) => {
      const [rejected, duplicates, pending, [succeeded, failed, unknown, cancelled]] = numbers;
      const admitted = pending + succeeded + failed + unknown + cancelled;
      const { counts, state } = report({
        admission: 'complete',
        admitted,
        rejected,
        duplicates,
        'lines:succeeded': succeeded,
        'lines:failed': failed,
        'lines:unknown': unknown,
        'lines:cancelled': cancelled,
      });
      expect(counts.briefs).toBe(counts.rejected + counts.duplicate + counts.admitted);
      expect(counts.pending).toBe(pending);
      const ended = counts.succeeded + counts.failed + counts.unknown + counts.cancelled;
      expect(counts.admitted).toBe(ended + counts.pending);
      expect(state).toBe(pending === 0 ? 'finished' : 'unfinished');
    }),
  );
});

it('S4: a batch without the mark "admission complete" is not finished', () => {
  expect(report({ admitted: 0 }).state).toBe('unfinished');
  expect(report({ admitted: 0, admission: 'open' }).state).toBe('unfinished');
});

it('says what was spent and asked for, in the form that verify reads', () => {
  const made = report({
    sources: '["a.csv","b.csv"]',
    rows: 3,
    spent: '2.5',
    submits: 4,
    status_checks: 9,
    downloads: 2,
  });
  expect(runReportSchema.parse(JSON.parse(JSON.stringify(made)))).toEqual(made);
  expect(made).toMatchObject({
    batch: 'spring',
    sources: ['a.csv', 'b.csv'],
    credits: { spent: 2.5 },
    requests: { submits: 4, status_checks: 9, downloads: 2, refused: 0 },
    times: { created: '2026-06-01T12:00:00.000Z', written: '2026-06-01T13:00:00.000Z' },
  });
});
