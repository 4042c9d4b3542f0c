import { Redis } from 'ioredis';
import { describe, expect, inject, onTestFinished } from 'vitest';
import { shelveFinished } from '../../src/batch/shelve-batch.js';
import { AccountLedger } from '../../src/ledger/account-ledger.js';
import { BatchLedger } from '../../src/ledger/batch-ledger.js';
import type { DeedLedger } from '../../src/ledger/deeds.js';
import { BatchError } from '../../src/shared/errors.js';
import { openBatchDesk } from '../batch/batch-desk.js';
import type { Answer } from '../support/ask.js';
import { type Desk, fast, mapping, productsCsv, test } from '../support/cli.js';
import { openLedger } from '../support/ledger.js';
import { openSchedules, plan } from '../support/schedules.js';
import { openMonitor } from './open-monitor.js';

const entities: Record<string, string> = { '&amp;': '&', '&quot;': '"', '&#39;': "'", '&lt;': '<' };

/** What the form of a question posts. */
function formIn({ text }: Answer): Record<string, string> {
  const inputs = text.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)">/g);
  const plain = (value: string) => value.replace(/&\S+?;/g, (entity) => entities[entity] ?? '>');
  return Object.fromEntries([...inputs].map(([, name = '', value = '']) => [name, plain(value)]));
}

const sameSite = { 'sec-fetch-site': 'same-origin' };

type Opened = Awaited<ReturnType<typeof openMonitor>>;

function post(
  { get }: Pick<Opened, 'get'>,
  form: Record<string, string>,
  headers: Record<string, string> = sameSite,
): Promise<Answer> {
  return get('/act', {
    method: 'POST',
    body: String(new URLSearchParams(form)),
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
  });
}

const question = (wish: Record<string, string>) => `/act?${new URLSearchParams(wish)}`;

/** What was done, by whom, the latest first. */
async function deedsIn(ledger: DeedLedger): Promise<string[]> {
  return (await ledger.latest()).map(({ deed, by }) => `${deed.kind} ${by.name} ${by.from}`);
}

/** A monitor of what a desk has in Redis. */
async function openMonitorOf(desk: Desk) {
  const redis = new Redis({ path: inject('redisSocket'), maxRetriesPerRequest: null });
  onTestFinished(() => redis.disconnect());
  const prefix = desk.environment.RIVYA_BATCH_PREFIX ?? '';
  const connection = redis;
  const opened = await openMonitor(
    { actions: 'allowed', connection, prefix },
    await openLedger({ batch: 'unused' }),
  );
  const account = new AccountLedger(redis, prefix, 'any');
  return {
    ...opened,
    redis,
    prefix,
    ledgerOf: (batch: string) => new BatchLedger(redis, prefix, batch, account),
  };
}

describe('a retry from the monitor', () => {
  test('S1: pays for what was agreed to, once, however often it is posted', async ({
    openDesk,
  }) => {
    const desk = await openDesk({
      faults: ['task-fails:2x:prompt=Product 3', 'task-fails:2x:prompt=Product 5'],
    });
    await desk.write('in.csv', productsCsv(6));
    const run = ['run', 'in.csv', '--out', 'out', ...mapping, ...fast];
    expect((await desk.run(run)).code).toBe(3);
    const monitor = await openMonitorOf(desk);
    const group = { deed: 'retry', batch: 'out', code: 'generation_failed' };
    const tasks = () => desk.simulator.bill().total.tasks;
    const made = tasks();

    const page = await monitor.get('/batch?name=out');
    expect(page.text).toContain('/act?deed=retry&amp;batch=out&amp;code=generation_failed');
    const asked = await monitor.get(question(group));
    expect(asked.status).toBe(200);
    expect(asked.text).toContain('2 failed: new attempts, about 2 credits (as charged before)');
    expect(asked.text).toContain('Expected cost: about 2 credits.');
    const form = formIn(asked);
    expect(form).toMatchObject({ ...group, briefs: '2', credits: '2' });

    // From another site, or from nowhere, nothing is taken; nor what was not shown.
    const foreign = [
      {},
      { origin: 'https://evil.example' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site', origin: 'https://evil.example' },
    ];
    for (const headers of foreign) expect((await post(monitor, form, headers)).status).toBe(403);
    const { mark: _unseen, ...blind } = form;
    for (const other of [{ ...form, credits: '1' }, { ...form, briefs: '1' }, blind]) {
      expect((await post(monitor, other)).status).toBe(409);
    }
    // The price has risen since it was shown: it is asked anew.
    const account = (await monitor.ledgerOf('out').meta())?.account ?? '';
    const { prices } = new AccountLedger(monitor.redis, monitor.prefix, account).keys;
    const [kind = ''] = await monitor.redis.hkeys(prices);
    await monitor.redis.hset(prices, kind, 7);
    const dearer = await post(monitor, form);
    expect(dearer.status).toBe(409);
    expect(dearer.text).toContain('Nothing was retried');
    expect(dearer.text).toContain('(2 briefs for about 2 credits)');
    expect(dearer.text).toContain('Expected cost: about 14 credits.');
    await monitor.redis.hset(prices, kind, 1);
    expect((await monitor.ledgerOf('out').meta())?.pending).toBe(0);

    // A double click.
    const both = await Promise.all([post(monitor, form), post(monitor, form)]);
    for (const { status, headers } of both) {
      expect([status, headers.location]).toEqual([303, '/batch?name=out']);
    }
    expect((await monitor.ledgerOf('out').meta())?.pending).toBe(2);
    // They fail once more, at the same price: the page that is posted again is about another attempt.
    expect((await desk.run(['continue', 'out'])).code).toBe(3);
    expect(tasks()).toBe(made + 2);
    expect((await post(monitor, form)).status).toBe(303);
    expect((await monitor.ledgerOf('out').meta())?.pending).toBe(0);

    const again = await monitor.get(question(group));
    expect((await post(monitor, formIn(again))).status).toBe(303);
    expect((await desk.run(['continue', 'out'])).code).toBe(0);
    expect(tasks()).toBe(made + 4);
    expect(desk.simulator.bill().billedTwice).toEqual([]);
    expect((await desk.report('out')).credits.spent).toBe(6);

    // One brief by its id, which has succeeded.
    const one = await monitor.get(question({ deed: 'retry', batch: 'out', id: '00001' }));
    expect(one.text).toContain('1 succeeded: made and paid again, about 1 credit');
    expect((await post(monitor, formIn(one))).headers.location).toBe('/brief?batch=out&id=00001');
    expect((await desk.run(['pause', 'out'])).code).toBe(0);
    expect((await desk.run(['resume', 'out'])).code).toBe(0);
    expect((await desk.run(['continue', 'out'])).code).toBe(0);
    expect(tasks()).toBe(made + 5);
    expect((await post(monitor, formIn(one))).status).toBe(303);
    expect((await monitor.ledgerOf('out').meta())?.pending).toBe(0);

    expect(
      (await deedsIn(monitor.ledgerOf('out').deeds)).map((deed) => deed.split(' ')[0]),
    ).toEqual(['resumed', 'paused', 'retried', 'retried', 'retried']);
    const story = (await monitor.get('/batch?name=out')).text;
    expect(story).toContain('Last resumed by');
    expect(story).toContain('(command line), ');
    expect(story).toContain(
      'retried 2 briefs of generation_failed, for about 2 credits by monitor (monitor), ',
    );
  });

  test('says so where the folder is not on this machine, and what to type', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    const monitor = await openMonitorOf(desk);
    const ledger = monitor.ledgerOf('far');
    const identity = { origin: 'https://rivya.test', account: 'any', nonce: '', createdAt: 1 };
    await ledger.open({ ...identity, out: '/nowhere/far', requestIds: 'given' });
    const asked = await monitor.get(question({ deed: 'retry', batch: 'far', code: "it's" }));
    expect(asked.status).toBe(409);
    expect(asked.text).toContain('which is not on this machine: retry it there');
    expect(asked.text).toContain('rivya-batch retry far --code &#39;it&#39;\\&#39;&#39;s&#39;');
    expect((await monitor.get(question({ deed: 'retry', batch: 'none' }))).status).toBe(404);
    expect((await monitor.get(question({ deed: 'dance', batch: 'far' }))).status).toBe(400);
  });
});

describe('a batch whose briefs have left Redis', () => {
  test('S1: is taken back from its folder by a retry from the monitor', async () => {
    const { context, run, out, redis: connection, prefix } = await openBatchDesk();
    const { ledger } = await run(['a,fox', 'bad,owl']);
    const nowMs = ((await ledger.meta())?.endedAt ?? 0) + 8 * 24 * 3_600_000;
    expect(await shelveFinished(context, { nowMs, most: 10 })).toBe(1);
    const monitor = await openMonitor({ actions: 'allowed', connection, prefix });
    expect((await monitor.get('/find?text=owl')).text).toContain('/brief?batch=spring&amp;id=bad');
    const asked = await monitor.get(question({ deed: 'retry', batch: 'spring', id: 'bad' }));
    expect(asked.text).toContain('1 failed: new attempts, about ');
    expect((await post(monitor, formIn(asked))).status).toBe(303);
    expect(await ledger.meta()).toMatchObject({ shelved: false, pending: 1, out });
    expect((await ledger.briefs.read('bad'))?.state).toMatchObject({
      stage: 'admitted',
      attempt: 2,
    });
  });
});

const hostile = `<script>alert(1)</script>"'&`;

async function openBatch(names: string[] = ['a', 'b', 'c']) {
  const opened = await openLedger();
  await opened.admit(...names);
  await opened.ledger.markAdmission('complete');
  return opened;
}

describe('steering a batch from the monitor', () => {
  test('asks, does it once, and leaves a line of who and when', async () => {
    const opened = await openBatch();
    const { ledger, batch } = opened;
    const login = { user: hostile, password: 'word' };
    const { get } = await openMonitor({ actions: 'allowed', login: null }, opened);
    const named = await openMonitor(
      { actions: 'allowed', login: { ...login, user: 'monitor' } },
      opened,
    );
    await ledger.deeds.note({ kind: 'changed' }, { name: hostile.repeat(9), from: 'library' });
    const monitor = { get };
    const act = async (deed: string, more: Record<string, string> = {}) => {
      const asked = await get(question({ deed, batch }));
      expect([deed, asked.status]).toEqual([deed, 200]);
      const posted = await post(monitor, { ...formIn(asked), ...more });
      expect([deed, posted.status]).toEqual([deed, 303]);
      // Loaded again, or clicked twice.
      await post(monitor, { ...formIn(asked), ...more });
      return (await get(posted.headers.location as string)).text;
    };
    expect((await ledger.meta())?.stage).toBe('running');
    expect(await act('pause')).toContain('<span class="pill paused">paused</span>');
    expect((await get(question({ deed: 'pause', batch }))).status).toBe(200);
    expect(await act('resume')).toContain('<span class="pill open">open</span>');
    expect((await get(question({ deed: 'resume', batch }))).status).toBe(409);
    await act('priority', { priority: '7' });
    expect((await ledger.meta())?.priority).toBe(7);
    const over = { deed: 'priority', batch, priority: '101' };
    expect((await post(monitor, over)).status).toBe(400);
    const page = await act('cancel');
    expect(page).toContain('pill cancelled');
    // The lines are on their way to a machine that has the folder (S4).
    expect(await ledger.meta()).toMatchObject({ pending: 0, lines: { cancelled: 3 } });
    const resumed = await get(question({ deed: 'resume', batch }));
    expect([resumed.status, resumed.text]).toEqual([409, expect.stringContaining('was cancelled')]);

    const who = 'somebody without a login monitor';
    expect((await deedsIn(ledger.deeds)).slice(0, 4)).toEqual([
      `cancelled ${who}`,
      `priority ${who}`,
      `resumed ${who}`,
      `paused ${who}`,
    ]);
    for (const text of [
      page,
      (await named.get(`/batch?name=${batch}`, { password: 'word' })).text,
    ]) {
      expect(text).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;');
      expect(text).not.toContain('<script>alert');
    }
    // However much is done, so much is kept; and with the batch it is gone.
    for (let count = 0; count < 60; count += 1) {
      await ledger.deeds.note({ kind: 'paused' }, { name: 'anna', from: 'monitor' });
    }
    expect(await ledger.deeds.latest()).toHaveLength(50);
    await ledger.forget();
    await ledger.deeds.note({ kind: 'paused' }, { name: 'anna', from: 'monitor' });
    expect(await ledger.deeds.latest()).toEqual([]);
  });

  test('what takes long goes on behind an answer at once, and its page tells what came of it', async () => {
    const opened = await openBatch();
    const { batch, ledger } = opened;
    let goOn: (models: [] | Error) => void = () => undefined;
    let asked = 0;
    const modelsOf = () =>
      new Promise<[]>((resolve, reject) => {
        asked += 1;
        goOn = (models) => (models instanceof Error ? reject(models) : resolve(models));
      });
    const monitor = await openMonitor({ actions: 'allowed', modelsOf }, opened);
    const page = async () => (await monitor.get(`/batch?name=${batch}`)).text;
    const cancel = { deed: 'cancel', batch };
    const form = formIn(await monitor.get(question(cancel)));

    expect((await post(monitor, form)).headers.location).toBe(`/batch?name=${batch}`);
    expect(await page()).toContain('It is being cancelled');
    const meanwhile = await monitor.get(question({ deed: 'pause', batch }));
    expect([meanwhile.status, meanwhile.text]).toEqual([
      409,
      expect.stringContaining('This goes on by itself since 20'),
    ]);
    goOn(new BatchError('output_unusable', 'The folder is <gone>.'));
    await expect.poll(page, { timeout: 5_000 }).not.toContain('It is being cancelled');
    const failed = 'Last tried to cancel and could not (The folder is &lt;gone&gt;.) by monitor ';
    await expect.poll(page, { timeout: 5_000 }).toContain(failed);
    expect((await ledger.meta())?.stage).toBe('running');

    // What a question takes long to find out is found once, however often its page looks.
    const retry = question({ deed: 'retry', batch, code: 'nsfw' });
    for (const _look of [1, 2]) {
      const counting = await monitor.get(retry);
      expect([counting.status, counting.text]).toEqual([200, expect.stringContaining('Counting')]);
      expect(counting.text).toContain('data-live="live"');
    }
    expect(asked).toBe(2);
    goOn([]);
    expect((await monitor.get(retry)).text).toContain('has no results yet');

    expect((await post(monitor, form)).status).toBe(303);
    goOn([]);
    await expect.poll(page, { timeout: 5_000 }).toContain('Last cancelled by monitor');
    await expect.poll(page, { timeout: 5_000 }).not.toContain('It is being cancelled');
    expect(await ledger.meta()).toMatchObject({ pending: 0, lines: { cancelled: 3 } });
    expect(await deedsIn(ledger.deeds)).toHaveLength(2);
  });

  test('is refused while the monitor is read-only, which shows what to type', async () => {
    const opened = await openBatch();
    const { batch, ledger } = opened;
    const { get } = await openMonitor({}, opened);
    expect((await get(question({ deed: 'pause', batch }))).status).toBe(403);
    expect((await post({ get }, { deed: 'pause', batch })).status).toBe(403);
    expect(await ledger.meta()).toMatchObject({ paused: false });
    const { text } = await get(`/batch?name=${batch}`);
    expect(text).not.toContain('/act?');
    for (const words of ['pause spring', 'cancel spring', 'worker', 'status spring']) {
      expect(text).toContain(`<code>rivya-batch ${words}</code>`);
    }
  });

  test('is done from its own pages alone, without a login as well', async () => {
    const opened = await openBatch();
    const { batch, ledger } = opened;
    const { get } = await openMonitor({ actions: 'allowed', login: null }, opened);
    const form = { deed: 'pause', batch };
    const none = { password: null } as const;
    const named = (headers: Record<string, string>) =>
      post({ get: (path, asked) => get(path, { ...asked, ...none }) }, form, headers);
    expect((await named({})).status).toBe(403);
    expect((await named({ 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await named({ ...sameSite, host: 'evil.example' })).status).toBe(403);
    // A form that is loaded by a script is not one.
    const json = { ...sameSite, 'content-type': 'application/json' };
    expect(
      (await get('/act', { method: 'POST', body: JSON.stringify({}), headers: json })).status,
    ).toBe(400);
    expect(await ledger.meta()).toMatchObject({ paused: false });
    expect((await named(sameSite)).status).toBe(303);
    expect(await ledger.meta()).toMatchObject({ paused: true });
    // So that a browser tells where a form comes from over plain HTTP, too.
    const asked = await get(question({ deed: 'resume', batch }), none);
    expect(asked.headers['referrer-policy']).toBe('same-origin');
  });
});

describe('steering a schedule from the monitor', () => {
  test('asks for one run however often it is posted; pauses, and resumes', async () => {
    const opened = await openLedger();
    const { add, ledger, queue } = openSchedules(opened);
    await add(plan(hostile));
    let nowMs = Date.now();
    const clock = { now: () => nowMs };
    const monitor = await openMonitor({ actions: 'allowed', clock }, opened);
    const { account } = opened.account;
    const wish = (deed: string) => ({ deed, account, schedule: hostile });
    const jobs = async () => opened.redis.keys(`${queue.bullPrefix}:schedules.${account}:run-*`);

    const asked = await monitor.get(question(wish('run-now')));
    expect(asked.text).toContain('Caps: 7 credits a batch');
    const form = formIn(asked);
    for (const _click of [1, 2]) expect((await post(monitor, form)).status).toBe(303);
    expect(await jobs()).toHaveLength(1);
    nowMs += 11 * 60_000;
    const late = await post(monitor, form);
    expect([late.status, late.text]).toEqual([409, expect.stringContaining('open for too long')]);
    expect(await jobs()).toHaveLength(1);
    expect((await post(monitor, formIn(late))).status).toBe(303);
    expect(await jobs()).toHaveLength(2);

    expect((await post(monitor, formIn(await monitor.get(question(wish('pause')))))).status).toBe(
      303,
    );
    expect(await ledger.find(hostile)).toMatchObject({ state: 'paused' });
    expect(await queue.nextTick(hostile)).toBeNull();
    expect((await monitor.get(question(wish('pause')))).status).toBe(409);
    expect((await post(monitor, formIn(await monitor.get(question(wish('resume')))))).status).toBe(
      303,
    );
    expect(await queue.nextTick(hostile)).toBeGreaterThan(0);
    expect((await monitor.get(question({ ...wish('pause'), account: 'other' }))).status).toBe(404);

    expect((await deedsIn(ledger.deedsOf(hostile))).map((deed) => deed.split(' ')[0])).toEqual([
      'resumed',
      'paused',
      'run_asked',
      'run_asked',
    ]);
    const { text } = await monitor.get('/schedules');
    expect(text).toContain('Last resumed by monitor (monitor), ');
    expect(text).not.toContain('<script>alert');
    await ledger.remove(hostile);
    expect(await ledger.deedsOf(hostile).latest()).toEqual([]);
  });
});
