import { describe, expect, it } from 'vitest';
import { ScheduleLedger } from '../../src/schedule/ledger.js';
import type { ScheduleRun } from '../../src/schedule/schedule.js';
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

describe('the page of the schedules', () => {
  it('says when each runs, from what, and what became of its runs', async () => {
    const { add, note, get, queue, ledger } = await openNights();
    const files = ['/srv/briefs/nightly.csv', 'https://files.test/more.csv'];
    await add(plan('nightly', { files, overlap: 'queue' }), hook);
    await note('nightly', endedOn(0, 4));
    await note('nightly', endedOn(1, 3));
    await note('nightly', refusedOn(2, 'One row cannot be used, such as row 3.'));
    await note('nightly', skippedOn(3, 'overlap'));
    await note('nightly', skippedOn(4, 'missed'));
    await note('nightly', { ...runningOn(5), missed: 2 } as ScheduleRun);
    await add(plan('rest', { cron: '30 9 * * 1-5' }));
    await ledger.change('rest', (schedule) => ({ ...schedule, state: 'paused' }));
    await queue.stop('rest');
    const { text, status } = await get('/schedules');
    expect(status).toBe(200);
    for (const words of [
      'At 02:00, every day, in Europe/Berlin (0 2 * * *)',
      'At 09:30, Monday through Friday, in Europe/Berlin (30 9 * * 1-5)',
      '/srv/briefs/nightly.csv, https://files.test/more.csv',
      'overlap: queue',
      '<span class="pill active">active</span>',
      '<span class="pill paused">paused</span>',
      'none while it is paused',
      '2026-11-21 02:00 (+0100)',
      '<span class="pill succeeded">succeeded</span>',
      '4 of 4',
      '<span class="pill with-failures">with failures</span>',
      '3 of 4',
      '1 of 4 briefs did not succeed (1 failed',
      'One row cannot be used, such as row 3.',
      '<span class="pill skipped">skipped</span>',
      'nightly@2026-11-23 is not finished',
      '<span class="pill missed">missed</span>',
      'no worker ran in time',
      'nightly@2026-11-26 is running (and 2 missed since)',
      'https://hooks.test (finished, failed, waiting, approval)',
      'It has not run yet.',
    ]) {
      expect(text).toContain(words);
    }
    // Of the batches only one has a page.
    const links = [...text.matchAll(/href="(\/batch[^"]*)">([^<]*)/g)].map(([, href, name]) => [
      href,
      name,
    ]);
    expect(links).toEqual([['/batch?name=nightly%402026-11-22', 'nightly@2026-11-22']]);
    expect((await get(links[0]?.[0] ?? '')).status).toBe(200);
    const overview = (await get('/')).text;
    expect(overview).toContain('<a href="/schedules#account-1%2Fnightly">nightly</a>');
    expect(overview).toContain('<span class="pill running">running</span>');
  });

  it('says so where there are none, and the overview is silent', async () => {
    const { get } = await openNights();
    expect((await get('/schedules')).text).toContain('There are no schedules yet');
    expect((await get('/')).text).not.toContain('next run');
  });

  it('finds schedules whose account has no batch', async () => {
    const { add, get, redis, prefix } = await openNights();
    await redis.del(`${prefix}:batches`);
    await add(plan('nightly'));
    const { text } = await get('/schedules');
    expect(text).toContain('https://rivya.test <span class="quiet">account account-');
    expect((await get('/metrics')).text).toContain('rivya_batch_workers{account="account-1"} 0');
  });

  it('says why nothing runs: no worker, or a queue that is paused', async () => {
    const { add, get, account, redis, prefix, queue } = await openNights({ actions: 'allowed' });
    await add(plan('nightly'));
    expect((await get('/schedules')).text).toContain('no worker of this key is alive');
    await account.heartbeat('one', { rate: null, inFlight: null });
    const page = async () => (await get('/schedules')).text;
    await expect.poll(page, { timeout: 5_000 }).not.toContain('Nothing runs');
    // What is alive may be a run of one batch, that takes no ticks.
    const delayed = `${queue.bullPrefix}:schedules.account-1:delayed`;
    const [tick = ''] = await redis.zrange(delayed, '0', '0');
    await redis.zadd(delayed, String((Date.now() - 61_000) * 4096), tick);
    await expect.poll(page, { timeout: 5_000 }).toContain('1 step came due and no');
    const path = '/queues/api/queues/schedules.account-1/pause';
    const headers = { 'sec-fetch-site': 'same-origin' };
    expect((await get(path, { method: 'PUT', headers })).status).toBe(200);
    expect(await redis.hget(`${prefix}:queue:schedules.account-1:meta`, 'paused')).toBe('1');
    await expect.poll(page, { timeout: 5_000 }).toContain('their queue is paused under Queues');
  });

  it('of several keys, says why nothing runs beside the one that has no worker', async () => {
    const { add, get, account, redis, prefix } = await openNights();
    await add(plan('nightly'));
    const owner = { origin: 'https://rivya.test', account: 'account-2' };
    await new ScheduleLedger(redis, prefix, owner).add(plan('of-another-key'), 'none');
    await account.heartbeat('one', { rate: null, inFlight: null });
    for (const path of ['/', '/schedules']) {
      const { text } = await get(path);
      expect(text.split('Nothing runs')).toHaveLength(2);
      // Names stand below what is said of their account.
      expect(text.indexOf('Nothing runs')).toBeGreaterThan(text.search(/>nightly[ <]/));
      expect(text.indexOf('Nothing runs')).toBeLessThan(text.indexOf('>of-another-key'));
    }
  });

  it('says what the webhook could not be notified, of a run and of the schedule', async () => {
    const { add, note, tell, get, ledger } = await openNights();
    await add(plan('nightly'), hook);
    await note('nightly', refusedOn(0, 'bad'));
    const why = 'it answered HTTP 500';
    const nextMs = Date.now() + 3_600_000;
    await tell('nightly', String(tickMs), { kind: 'due', tries: 1, why, nextMs });
    const tried = 'could not be notified of batch.failed yet, and is tried again in 60 min';
    const first = (await get('/schedules')).text;
    expect(first).toContain(`<span class="trouble">the webhook ${tried}: ${why}</span>`);
    const where = 'https://hooks.test (finished, failed, waiting, approval)';
    expect(first).toContain(`<span class="trouble">${where}, which ${tried}: ${why}</span>`);
    const [message] = await ledger.messages.all();
    if (message === undefined) throw new Error('it was kept');
    await ledger.messages.noteTry(message, { kind: 'told', tries: 2, atMs: 1 }, 1);
    const page = async () => (await get('/schedules')).text;
    await expect.poll(page, { timeout: 5_000 }).not.toContain('could not be notified');
  });

  it('shows hostile names, files and reasons as the text that they are', async () => {
    const { ledger, note, tell, get } = await openNights();
    const hostile = `<script>alert(1)</script>"'&`;
    const everywhere = { files: [hostile], out: hostile, cron: hostile };
    await ledger.add(plan(hostile, everywhere), hook);
    await note(hostile, { ...refusedOn(0, hostile), batch: hostile } as ScheduleRun);
    await tell(hostile, String(tickMs), { kind: 'given_up', tries: 9, atMs: 1, why: hostile });
    const shown = '&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;';
    for (const path of ['/schedules', '/', '/metrics']) {
      const { text, status } = await get(path);
      expect([path, status]).toEqual([path, 200]);
      if (path !== '/metrics') expect(text).not.toContain('<script>alert');
    }
    const page = (await get('/schedules')).text;
    // Name, pattern, file, folder, batch, reason and what the webhook said.
    expect(page.split(shown).length).toBeGreaterThan(8);
    expect((await get('/metrics')).text).toContain('schedule="<script>alert(1)</script>\\"\'&"');
  });
});
