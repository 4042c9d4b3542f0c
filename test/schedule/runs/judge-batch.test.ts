import { describe, expect, it } from 'vitest';
import { type BatchMeta, readMeta } from '../../../src/ledger/batch-meta.js';
import { judgeBatch as judge, nextLookMs } from '../../../src/schedule/runs/step-run.js';

const open = { gate: { kind: 'open' as const }, downUntilMs: 0, inFlight: 0 };

function judgeBatch(
  meta: BatchMeta | null,
  { inFlight, ...account }: Parameters<typeof judge>[1] & { inFlight: number },
) {
  return judge(meta, account, inFlight);
}

function meta(fields: Record<string, string> = {}): BatchMeta | null {
  return readMeta('shots', {
    ...{ account: 'a', admitted: '3', admission: 'complete', admissions: '1' },
    ...fields,
  });
}

describe('a batch', () => {
  it('has ended when its closing files stand, as `run` would have', () => {
    const done = { finalized: '1', 'lines:succeeded': '3' };
    expect(judgeBatch(meta(done), open)).toEqual({ kind: 'ended', exitCode: 0 });
    const failed = { finalized: '1', 'lines:succeeded': '2', 'lines:failed': '1' };
    expect(judgeBatch(meta(failed), open)).toEqual({ kind: 'ended', exitCode: 3 });
    expect(judgeBatch(null, open)).toEqual({ kind: 'ended', exitCode: 1 });
  });

  it('has not ended before its last line is in the manifest', () => {
    expect(judgeBatch(meta({ 'lines:succeeded': '3' }), open)).toEqual({ kind: 'going' });
  });

  it('stands still at its cap, and not while a running task may make room', () => {
    const capped = meta({ capped: 'day_cap' });
    expect(judgeBatch(capped, open)).toEqual({ kind: 'stopped', reason: 'capped' });
    expect(judgeBatch(capped, { ...open, inFlight: 1 })).toEqual({ kind: 'going' });
  });

  it('stands still without credits or with a refused key, unless it is cancelled', () => {
    const parked = { ...open, gate: { kind: 'parked' as const, sinceMs: 0, probeAtMs: 0 } };
    expect(judgeBatch(meta(), parked)).toEqual({ kind: 'stopped', reason: 'no_credits' });
    expect(judgeBatch(meta({ cancelled: '1' }), parked)).toEqual({ kind: 'going' });
    const halted = { ...open, gate: { kind: 'halted' as const, code: 'x', message: 'y' } };
    expect(judgeBatch(meta(), halted)).toEqual({ kind: 'stopped', reason: 'key_refused' });
  });

  it('is looked at twice a second at first, and twice a minute in the end', () => {
    expect([0, 60_000, 3_600_000].map(nextLookMs)).toEqual([500, 3_000, 30_000]);
  });
});
