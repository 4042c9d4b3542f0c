import { describe, expect, it } from 'vitest';
import { identity } from '../support/ledger.js';
import { plan } from '../support/schedules.js';
import {
  endedOn,
  hook,
  openNights,
  refusedOn,
  runningOn,
  skippedOn,
  tickMs,
} from './open-nights.js';

const of = 'account="account-1",schedule="nightly"';

async function linesOf(get: (path: string) => Promise<{ text: string }>): Promise<string[]> {
  const { text } = await get('/metrics');
  return text.split('\n').filter((line) => line.startsWith('rivya_batch_schedule'));
}

describe('the metrics of schedules', () => {
  it('count runs by result, and tell the last one and the next', async () => {
    const { add, note, tell, queue, get } = await openNights();
    await add(plan('nightly'), hook);
    await note('nightly', endedOn(0, 4));
    await note('nightly', endedOn(1, 4));
    await note('nightly', refusedOn(2, 'bad'));
    await note('nightly', runningOn(3));
    await note('nightly', skippedOn(4, 'missed'));
    const refused = String(tickMs + 2 * 86_400_000);
    await tell('nightly', refused, { kind: 'given_up', tries: 9, atMs: tickMs, why: 'no' });
    const lines = await linesOf(get);
    const next = ((await queue.nextTick('nightly')) ?? 0) / 1000;
    for (const line of [
      `rivya_batch_schedule_runs_total{${of}} 5`,
      `rivya_batch_schedule_runs_kept{${of},result="succeeded"} 2`,
      `rivya_batch_schedule_runs_kept{${of},result="refused"} 1`,
      `rivya_batch_schedule_runs_kept{${of},result="running"} 1`,
      `rivya_batch_schedule_runs_kept{${of},result="missed"} 1`,
      `rivya_batch_schedule_runs_kept{${of},result="with_failures"} 0`,
      // The refused one: what runs, and what its own rule left out, say nothing.
      `rivya_batch_schedule_last_run_succeeded{${of}} 0`,
      `rivya_batch_schedule_last_run_timestamp_seconds{${of}} ${tickMs / 1000 + 3 * 86_400}`,
      `rivya_batch_schedule_next_run_timestamp_seconds{${of}} ${next}`,
      `rivya_batch_schedule_paused{${of}} 0`,
      `rivya_batch_schedule_webhook_failed{${of}} 1`,
      'rivya_batch_schedule_jobs_due{account="account-1"} 0',
    ]) {
      expect(lines).toContain(line);
    }
    expect(next * 1000).toBeGreaterThan(Date.now());
  });

  it('say that the last run succeeded, and leave out what nobody knows', async () => {
    const { add, note, get } = await openNights();
    await add(plan('fresh'));
    await add(plan('nightly'));
    await note('nightly', refusedOn(0, 'bad'));
    await note('nightly', endedOn(1, 4));
    const lines = await linesOf(get);
    expect(lines).toContain(`rivya_batch_schedule_last_run_succeeded{${of}} 1`);
    const fresh = lines.filter((line) => line.includes('schedule="fresh"')).join('\n');
    expect(fresh).toContain(
      'rivya_batch_schedule_runs_total{account="account-1",schedule="fresh"} 0',
    );
    expect(fresh).not.toContain('last_run');
    expect(fresh).not.toContain('webhook_failed');
  });

  it('tell a pause, and what is due and not taken', async () => {
    const { add, queue, ledger, get, redis } = await openNights();
    await add(plan('nightly'));
    const run = { schedule: 'nightly', id: 'hand-1', scheduledMs: 1, trigger: 'hand' } as const;
    await queue.addRun({ v: 1, kind: 'run', ...run });
    expect(await linesOf(get)).toContain('rivya_batch_schedule_jobs_due{account="account-1"} 1');
    // As after a night without a worker: the tick is still where it was, and its time is over.
    const delayed = `${queue.bullPrefix}:schedules.${identity.account}:delayed`;
    const [tick] = await redis.zrange(delayed, '0', '0');
    await redis.zadd(delayed, String((Date.now() - 60_000) * 4096), tick ?? '');
    await expect
      .poll(() => linesOf(get), { timeout: 5_000 })
      .toContain('rivya_batch_schedule_jobs_due{account="account-1"} 2');
    await ledger.change('nightly', (schedule) => ({ ...schedule, state: 'paused' }));
    await queue.stop('nightly');
    await expect
      .poll(() => linesOf(get), { timeout: 5_000 })
      .toContain(`rivya_batch_schedule_paused{${of}} 1`);
    expect((await linesOf(get)).join()).not.toContain('next_run');
  });

  it('forget a schedule that is removed', async () => {
    const { add, queue, ledger, get } = await openNights();
    await add(plan('nightly'));
    expect(await linesOf(get)).not.toEqual([]);
    await queue.stop('nightly');
    await ledger.remove('nightly');
    await expect.poll(() => linesOf(get), { timeout: 5_000 }).toEqual([]);
  });
});
