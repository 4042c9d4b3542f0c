import { describe, expect, it } from 'vitest';
import { decideRun, type RunSituation, ticksSince } from '../../../src/schedule/runs/claim-run.js';

const scheduledMs = Date.parse('2026-11-21T01:00Z');

function situation(change: Partial<RunSituation> = {}): RunSituation {
  return {
    cron: '0 2 * * *',
    zone: 'Europe/Berlin',
    trigger: 'tick',
    scheduledMs,
    nowMs: scheduledMs + 40,
    overlap: 'skip',
    missed: 'once',
    unfinished: [],
    ...change,
  };
}

const underWay = { batch: 'shots@2026-11-20', waits: 'is_under_way' } as const;
const waiting = { batch: 'shots@2026-11-20T1400', waits: 'waits' } as const;

describe('while the batch before is not finished', () => {
  it('skip leaves the run out and says which batch', () => {
    expect(decideRun(situation({ unfinished: [underWay] }))).toEqual({
      kind: 'skip',
      reason: 'overlap',
      behind: underWay.batch,
    });
  });

  it('queue lets one wait, and no second one', () => {
    const queued = situation({ overlap: 'queue', unfinished: [underWay] });
    expect(decideRun(queued)).toEqual({ kind: 'wait', behind: underWay.batch });
    expect(decideRun({ ...queued, unfinished: [underWay, waiting] })).toEqual({
      kind: 'skip',
      reason: 'another_waits',
      behind: waiting.batch,
    });
  });

  it('both starts it beside', () => {
    const beside = situation({ overlap: 'both', unfinished: [underWay, underWay] });
    expect(decideRun(beside)).toEqual({ kind: 'start' });
  });

  it('S1: but not where only what changed is made, which the one before may be making', () => {
    const changed = { overlap: 'both', makes: 'only_changed' } as const;
    const behind = situation({ ...changed, unfinished: [underWay] });
    expect(decideRun(behind)).toEqual({ kind: 'wait', behind: underWay.batch });
    expect(decideRun(situation(changed))).toEqual({ kind: 'start' });
  });
});

describe('a tick for which no worker was there', () => {
  const friday = { scheduledMs: Date.parse('2026-11-20T01:00Z') };
  const late = situation({ ...friday, nowMs: Date.parse('2026-11-23T08:00Z') });

  it('is run once for all that were missed', () => {
    expect(decideRun(late)).toEqual({ kind: 'start' });
    expect(ticksSince(late)).toBe(3);
  });

  it('is left out with none', () => {
    const skipped = { kind: 'skip', reason: 'missed', behind: null };
    expect(decideRun({ ...late, missed: 'none' })).toEqual(skipped);
    const minutes = situation({ missed: 'none', nowMs: scheduledMs + 300_001 });
    expect(decideRun(minutes)).toEqual(skipped);
    const next = situation({ missed: 'none', cron: '* * * * *', nowMs: scheduledMs + 60_000 });
    expect(decideRun(next)).toEqual(skipped);
  });

  it('is not one when a worker was restarting', () => {
    expect(decideRun(situation({ missed: 'none', nowMs: scheduledMs + 60_000 }))).toEqual({
      kind: 'start',
    });
  });

  it('is not one when somebody asked for it by hand', () => {
    const hand = { ...late, trigger: 'hand', missed: 'none' } as const;
    expect(decideRun(hand)).toEqual({ kind: 'start' });
    expect(ticksSince(hand)).toBe(0);
  });
});
