import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { DurationLedger } from '../../src/ledger/durations.js';
import { clientRequestId } from '../../src/shared/brief.js';
import { StageQueues } from '../../src/shared/queues.js';
import { type OpenLedger, openLedger, preparedBrief } from '../support/ledger.js';
import { hearNews } from '../support/news.js';
import { login, openMonitor } from './open-monitor.js';

const paths = [
  '/',
  '/batch?name=spring',
  '/schedules',
  '/find?text=a',
  '/metrics',
  '/assets/live.js',
  '/nowhere',
];
const boardPaths = ['/queues/', '/queues/api/queues', '/queues/static/favicon.ico'];
const hostile = `<script>alert(1)</script>"'&`;

/** A batch with a brief that is waiting, one that is being collected, and one that failed. */
async function openBatch() {
  const opened = await openLedger();
  const { ledger, redis, prefix, batch } = opened;
  const briefs = [
    preparedBrief(hostile, { body: `{"model":"z-image","prompt":${JSON.stringify(hostile)}}` }),
    preparedBrief('ready'),
    preparedBrief('waiting'),
  ];
  await ledger.briefs.admit(briefs, Date.now());
  await ledger.markAdmission('complete');
  const queues = new StageQueues(redis, prefix, batch);
  await queues.add('submit', [{ brief: 'waiting', attempt: 1, delayMs: 0 }]);
  const urls = ['https://cdn.example/a.png?token=very-secret'];
  await queues.add('collect', [{ brief: 'ready', attempt: 1, delayMs: 60_000, urls }]);
  await queues.close();
  return opened;
}

/** What workers told of a model that has been paid before. */
async function noteNotices({ redis, account }: OpenLedger) {
  await redis.hset(account.keys.prices, 'z-image', 1);
  const notices = new DurationLedger(redis, { durations: account.keys.notices });
  for (const noticeMs of [2_000, 2_000, 2_000]) await notices.note(['z-image'], noticeMs);
}

describe('the login of the monitor', () => {
  it('is asked for on every path, those that do not exist included', async () => {
    const { get } = await openMonitor({}, await openBatch());
    for (const path of [...paths, ...boardPaths]) {
      const refused = await get(path, { password: null });
      expect([path, refused.status]).toEqual([path, 401]);
      expect(refused.headers['www-authenticate']).toMatch(/^Basic realm="rivya-batch monitor"/);
      expect(refused.text).not.toContain('spring');
      for (const method of ['HEAD', 'POST', 'PUT', 'OPTIONS', 'DELETE']) {
        expect((await get(path, { password: null, method })).status).toBe(401);
      }
      expect((await get(path)).status).toBe(path === '/nowhere' ? 404 : 200);
    }
  });

  it('is refused to a wrong password, a wrong user and what is no login at all', async () => {
    const { get } = await openMonitor();
    expect((await get('/', { password: 'x' })).status).toBe(401);
    expect((await get('/', { password: `${login.password}x` })).status).toBe(401);
    const other = Buffer.from(`other:${login.password}`).toString('base64');
    for (const authorization of [`Basic ${other}`, 'Basic', 'Bearer x', 'Basic !!!']) {
      expect((await get('/', { password: null, headers: { authorization } })).status).toBe(401);
    }
  });

  it('slows guessing: the right password is not told from wrong ones while an address waits', async () => {
    let nowMs = 1_000_000;
    const { get } = await openMonitor({ clock: { now: () => nowMs } });
    const guesses = await Promise.all(
      Array.from({ length: 30 }, (_, index) => get('/', { password: `guess ${index}` })),
    );
    expect(guesses.filter(({ status }) => status === 401)).toHaveLength(6);
    expect(guesses.filter(({ status }) => status === 429)).toHaveLength(24);
    const right = await get('/');
    expect(right.status).toBe(429);
    expect(right.headers['retry-after']).toBe('1');
    expect((await get('/', { password: null })).status).toBe(401);
    nowMs += 1_000;
    expect((await get('/')).status).toBe(200);
  });

  it('cannot be left out where others can reach the monitor', async () => {
    const starting = openMonitor({ login: null, host: '0.0.0.0' });
    await expect(starting).rejects.toMatchObject({ code: 'bad_configuration' });
  });

  it('left out, lets no page of the world in by a name of its own that points here', async () => {
    const { get } = await openMonitor({ login: null });
    expect((await get('/', { password: null })).status).toBe(200);
    const rebound = { password: null, headers: { host: 'evil.example:3020' } };
    expect((await get('/', rebound)).status).toBe(403);
    expect((await get('/metrics', rebound)).status).toBe(403);
  });
});

describe('what the monitor answers', () => {
  it('comes with headers that keep it in its own pages and out of caches', async () => {
    const { get } = await openMonitor();
    for (const path of [
      '/',
      '/schedules',
      '/metrics',
      '/nowhere',
      '/queues/',
      '/queues/api/queues',
    ]) {
      const { headers } = await get(path);
      expect(headers['content-security-policy']).toContain("default-src 'none'");
      expect(headers['content-security-policy']).toContain("script-src 'self';");
      expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['referrer-policy']).toBe('no-referrer');
      expect(headers['cache-control']).toBe('no-store');
    }
  });

  it('S8: has no key, no webhook secret and no query of a result URL in it', async () => {
    const opened = await openBatch();
    const body = '{"model":"z-image","prompt":"rvya_sk_0123456789 whsec_abcdef"}';
    await opened.ledger.briefs.admit([preparedBrief('secret', { body })], Date.now());
    const { get } = await openMonitor({}, opened);
    const seen = [
      '/',
      '/batch?name=spring',
      '/brief?batch=spring&id=secret',
      '/find?text=whsec',
      '/metrics',
      '/brief?batch=spring&id=ready',
      '/queues/',
      '/queues/api/queues?activeQueue=spring.collect',
    ];
    for (const path of seen) {
      const { text, status } = await get(path);
      expect([path, status]).toEqual([path, 200]);
      for (const secret of ['rvya_sk_0123', 'whsec_abc', 'very-secret', login.password]) {
        expect(text).not.toContain(secret);
      }
    }
    const { text } = await get('/queues/api/queues?activeQueue=spring.collect');
    expect(text).toContain('https://cdn.example/a.png?[hidden]');
  });

  it('shows why no worker could begin with a batch', async () => {
    const opened = await openBatch();
    await opened.ledger.noteNotBegun('The folder <is> gone.');
    const { get } = await openMonitor({}, opened);
    const { text } = await get('/batch?name=spring');
    expect(text).toMatch(/<dt>not begun<\/dt><dd><span[^>]*>The folder &lt;is&gt; gone\./);
  });

  it('shows a finished batch as good only where all of it succeeded', async () => {
    const opened = await openBatch();
    const { meta } = opened.ledger.keys;
    await opened.redis.hset(meta, { 'lines:succeeded': 3 });
    const { get } = await openMonitor({}, opened);
    const page = async () => (await get('/')).text;
    expect(await page()).toContain('<span class="pill finished">finished</span>');
    await opened.redis.hset(meta, { 'lines:succeeded': 2, 'lines:unknown': 1 });
    await expect.poll(page, { timeout: 5_000 }).not.toContain('class="pill finished"');
    for (const path of ['/', '/batch?name=spring']) {
      const { text } = await get(path);
      expect(text).toContain('<span class="pill with-failures">finished with failures</span>');
      expect(text).toContain('<progress class="with-failures"');
    }
  });

  it('says what is still needed against the balance, of a batch and of all of a key together', async () => {
    const opened = await openBatch();
    const { account, ledger, redis, prefix } = opened;
    await redis.hset(account.keys.prices, { 'z-image': 150, 'gpt-image-2 abc': 9_000 });
    await account.records.noteWallet(120);
    const { get } = await openMonitor({}, opened);
    // One of three waits in the submit queue.
    const still = (words: string) => `<dt>still needed</dt><dd><span class=${words}</span></dd>`;
    const short = still('"trouble">about 150 more credits, 120 there: short by 30');
    expect((await get('/batch?name=spring')).text).toContain(short);
    const autumn = await openLedger({ batch: 'autumn', prefix });
    await autumn.admit('one', 'two');
    const queues = new StageQueues(redis, prefix, 'autumn');
    const jobs = ['one', 'two'].map((brief) => ({ brief, attempt: 1, delayMs: 0 }));
    await queues.add('submit', jobs);
    await queues.close();
    const page = async () => (await get('/')).text;
    const both = still('"trouble">about 450 more credits, 120 there: short by 330');
    await expect.poll(page, { timeout: 5_000 }).toContain(both);
    expect((await get('/metrics')).text).toMatch(/credits_needed\{.*batch="autumn"\} 300$/m);
    // No more than it may spend.
    await autumn.ledger.setCaps({ batch: 40, day: undefined });
    await ledger.setCaps({ batch: 7, day: undefined });
    const enough = still('"normal">about 47 more credits, 120 there: enough');
    await expect.poll(page, { timeout: 5_000 }).toContain(enough);
  });

  it('shows how many results cannot be fetched, and why', async () => {
    const { ledger, batch, get } = await openMonitor({}, await openBatch());
    await ledger.noteFileTrouble("The file's server answered HTTP 503.");
    const { text } = await get(`/batch?name=${batch}`);
    expect(text).toContain('1 cannot be fetched yet. The file&#39;s server answered HTTP 503.');
    expect((await get('/metrics')).text).toMatch(/^rivya_batch_files_due\{.*\} 1$/m);
  });

  it('shows hostile names and prompts as the text that they are', async () => {
    const { get } = await openMonitor({}, await openBatch());
    const id = encodeURIComponent(hostile);
    for (const path of [`/brief?batch=spring&id=${id}`, `/find?text=${id}`, '/find?text=script']) {
      const { text } = await get(path);
      expect(text).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;');
      expect(text).not.toContain('<script>alert');
    }
    const missing = await get(`/batch?name=${id}`);
    expect(missing.status).toBe(404);
    expect(missing.text).not.toContain('<script>alert');
  });

  it('finds briefs by id and by text, and says of what is incomplete or not there', async () => {
    const { get } = await openMonitor({}, await openBatch());
    expect((await get('/find?text=WAIT')).text).toContain('/brief?batch=spring&amp;id=waiting');
    expect((await get('/find?text=fox+in&batch=spring')).text).toContain('id=ready');
    expect((await get('/find?text=fox+in&batch=other')).text).toContain('None was found');
    expect((await get('/brief?batch=spring&id=waiting')).text).toContain('Next: submit');
    expect((await get('/brief?batch=spring&id=none')).status).toBe(404);
    expect((await get('/brief?batch=spring')).status).toBe(400);
  });

  it("leads from a brief to the others of its row, with where each stands, and to nobody else's", async () => {
    const opened = await openBatch();
    const { ledger, redis, place } = opened;
    const outputs = ['caption', 'still', '1'].map((name) => [name, 3]);
    await redis.hset(ledger.keys.meta, { outputs: JSON.stringify(outputs) });
    const origin = (output: string) =>
      `{"row":2,"source":"a.csv","references":[],"metadata":null,"input":{},"output":"${output}"}`;
    await ledger.briefs.admit(
      [
        preparedBrief('a/b/caption/2', { origin: origin('caption') }),
        preparedBrief('a/b/still/2/1', { origin: origin('still') }),
        preparedBrief('a/b/1', { origin: origin('1') }),
        preparedBrief('a/caption/2', { origin: origin('caption') }),
      ],
      Date.now(),
    );
    await place('a/b/caption/2', {
      ...{ stage: 'lined', attempt: 1, fingerprint: 'ab', seq: 1, status: 'failed' },
    });
    const { get } = await openMonitor({}, opened);
    for (const [from, others] of [
      ['a/b/still/2/1', ['a/b/caption/2', 'a/b/1']],
      ['a/b/1', ['a/b/caption/2', 'a/b/still/2/1']],
    ] as const) {
      const { text } = await get(`/brief?batch=spring&id=${encodeURIComponent(from)}`);
      const row = /<nav class="row".*?<\/nav>/s.exec(text)?.[0] ?? '';
      const ids = [...row.matchAll(/id=([^"]*)/g)].map(([, id = '']) => decodeURIComponent(id));
      expect(ids).toEqual(others);
      expect(row).toContain('caption</a><span class="quiet">/2</span> <span class="pill failed">');
    }
    expect((await get('/brief?batch=spring&id=waiting')).text).not.toContain('class="row"');
  });

  it('finds a brief by its client_request_id, also by one that was too long to hold all of its id', async () => {
    const opened = await openBatch();
    const ids = ['sku 7/weiß & rot/2', `${'lange-id '.repeat(20)}1`, `${'lange-id '.repeat(20)}2`];
    // Of what has succeeded, the ledger has nothing but the id.
    const lined = {
      stage: 'lined',
      attempt: 1,
      fingerprint: 'ab',
      seq: 1,
      status: 'succeeded',
    } as const;
    for (const id of ids) await opened.place(id, lined);
    const { get, batch } = await openMonitor({}, opened);
    for (const id of ids) {
      const requested = clientRequestId(batch, id);
      expect(requested).not.toContain(id);
      const { text } = await get(`/find?text=${encodeURIComponent(requested)}`);
      const found = [...text.matchAll(/\/brief\?batch=spring&amp;id=([^"]*)/g)];
      expect(found.map(([, of = '']) => new URLSearchParams(`id=${of}`).get('id'))).toEqual([id]);
    }
    const other = encodeURIComponent(clientRequestId('summer', ids[0] ?? ''));
    expect((await get(`/find?text=${other}`)).text).toContain('None was found');
    expect((await get('/find?text=spring/%25zz')).text).toContain('None was found');
  });

  it('says so at once where Redis is away, and in the metrics too', async () => {
    const connection = new Redis({ path: '/nowhere.sock', lazyConnect: true });
    const { get } = await openMonitor({ connection });
    for (const path of [
      '/',
      '/batch?name=spring',
      '/schedules',
      '/brief?batch=a&id=b',
      '/queues/api/queues',
    ]) {
      expect([path, (await get(path)).status]).toEqual([path, 503]);
    }
    const { status, text } = await get('/metrics');
    expect(status).toBe(200);
    expect(text).toContain('rivya_batch_redis_up 0');
  });
});

describe('actions', () => {
  const same = { origin: '', 'sec-fetch-site': 'same-origin' };
  const pause = '/queues/api/queues/spring.submit/pause';

  it('are refused while the monitor is read-only', async () => {
    const { get, prefix, redis } = await openMonitor({}, await openBatch());
    for (const path of [
      pause,
      '/queues/api/queues/spring.submit/obliterate',
      '/queues/api/queues/pause',
    ]) {
      const refused = await get(path, { method: 'PUT', headers: same });
      expect(refused.status).toBe(403);
      expect(refused.text).toContain('--allow-actions');
    }
    expect(await redis.hget(`${prefix}:queue:spring.submit:meta`, 'paused')).toBeNull();
  });

  it('are refused to other sites though the browser sends the login along', async () => {
    const { get, prefix, redis } = await openMonitor({ actions: 'allowed' }, await openBatch());
    const foreign: Record<string, string>[] = [
      {},
      { 'sec-fetch-site': 'cross-site' },
      { origin: 'https://evil.example' },
      { 'sec-fetch-site': 'same-site', origin: 'http://127.0.0.1:1' },
    ];
    for (const headers of foreign) {
      expect((await get(pause, { method: 'PUT', headers })).status).toBe(403);
    }
    const paused = `${prefix}:queue:spring.submit:meta`;
    expect(await redis.hget(paused, 'paused')).toBeNull();
    expect((await get(pause, { method: 'PUT', headers: same })).status).toBe(200);
    expect(await redis.hget(paused, 'paused')).toBe('1');
  });

  it('pause and resume a batch as the commands do', async () => {
    const opened = await openBatch();
    const { get } = await openMonitor({ actions: 'allowed' }, opened);
    const page = async () => (await get('/batch?name=spring')).text;
    await get(pause, { method: 'PUT', headers: same });
    expect(await opened.ledger.meta()).toMatchObject({ paused: true });
    await expect.poll(page, { timeout: 5_000 }).toContain('paused');
    await get(pause.replace(/pause$/, 'resume'), { method: 'PUT', headers: same });
    expect(await opened.ledger.meta()).toMatchObject({ paused: false });
    await expect.poll(page, { timeout: 5_000 }).toContain('pill open');
    await expect.poll(page, { timeout: 5_000 }).toContain('Last resumed by monitor (monitor), ');
    const deeds = (await opened.ledger.deeds.latest()).map(({ deed }) => deed.kind);
    expect(deeds).toEqual(['resumed', 'paused']);
  });

  it('are told to whoever works on the batch, and to nobody where they are refused', async () => {
    const opened = await openBatch();
    const { redis, prefix } = opened;
    const { get } = await openMonitor({ actions: 'allowed' }, opened);
    const told = await hearNews(redis, prefix);
    expect((await get(pause, { method: 'PUT' })).status).toBe(403);
    expect(
      (await get(pause.replace(/pause$/, 'empty'), { method: 'PUT', headers: same })).status,
    ).toBe(403);
    expect(await told()).toEqual([]);
    for (const action of ['pause', 'resume', 'promote']) {
      await get(pause.replace(/pause$/, action), { method: 'PUT', headers: same });
      await expect.poll(told, { timeout: 5_000 }).toEqual(['batch spring']);
    }
  });

  it('S4: leave every brief its job: nothing is removed, emptied or edited from here', async () => {
    const { get, prefix, redis } = await openMonitor({ actions: 'allowed' }, await openBatch());
    const [job] = await redis.lrange(`${prefix}:queue:spring.submit:wait`, 0, -1);
    const harmful: [string, string][] = [
      ['PUT', 'obliterate'],
      ['PUT', 'empty'],
      ['PUT', 'clean/wait'],
      ['PUT', 'concurrency'],
      ['PUT', `${job}/clean`],
      ['PATCH', `${job}/update-data`],
      ['POST', 'add'],
    ];
    for (const [method, action] of harmful) {
      const path = `/queues/api/queues/spring.submit/${action}`;
      const refused = await get(path, { method, headers: same });
      expect([action, refused.status]).toEqual([action, 403]);
    }
    expect(await redis.lrange(`${prefix}:queue:spring.submit:wait`, 0, -1)).toEqual([job]);
  });
});

describe('the queues in Bull Board', () => {
  it('are those of all open batches, found while it runs, and leave no trace of a batch that is gone', async () => {
    const opened = await openBatch();
    const { get, prefix, redis } = await openMonitor({}, opened);
    const names = async () => {
      const { queues } = JSON.parse((await get('/queues/api/queues')).text) as {
        queues: { name: string; readOnlyMode: boolean; delimiter: string }[];
      };
      expect(queues.every(({ readOnlyMode, delimiter }) => readOnlyMode && delimiter === '.')).toBe(
        true,
      );
      return queues.map(({ name }) => name).sort();
    };
    const of = (batch: string) =>
      ['collect', 'status', 'submit'].map((stage) => `${batch}.${stage}`);
    expect(await names()).toEqual(of('spring'));
    const autumn = await openLedger({ batch: 'autumn', prefix });
    await expect.poll(names, { timeout: 5_000 }).toEqual([...of('autumn'), ...of('spring')]);
    await autumn.ledger.forget();
    await expect.poll(names, { timeout: 5_000 }).toEqual(of('spring'));
    expect(await redis.keys(`${prefix}:queue:autumn*`)).toEqual([]);
    // Over, its queues are empty.
    await redis.hset(opened.ledger.keys.meta, { 'lines:succeeded': 2, 'lines:failed': 1 });
    await expect.poll(names, { timeout: 5_000 }).toEqual([]);
    expect((await get('/batch?name=spring')).text).not.toContain('Stages');
  });
});

describe('the metrics', () => {
  it('say what the ledger knows of batches, queues and accounts', async () => {
    const opened = await openBatch();
    const { account, ledger } = opened;
    await account.heartbeat('one', { rate: 7, inFlight: 3 });
    await ledger.setCaps({ batch: 50, day: undefined });
    await account.takeTurn(0);
    await account.noteRefused(0);
    await account.park('submission');
    await account.records.noteWallet(42.5);
    await account.records.addAnswers([{ endpoint: 'submit', outcome: 'rate_limited', count: 3 }]);
    await noteNotices(opened);
    const { get } = await openMonitor({}, opened);
    const { text, headers } = await get('/metrics');
    expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    const of = 'account="account-1"';
    const lines = [
      'rivya_batch_redis_up 1',
      `rivya_batch_briefs{${of},batch="spring",status="pending"} 3`,
      `rivya_batch_jobs{${of},batch="spring",stage="submit",state="waiting"} 1`,
      `rivya_batch_jobs{${of},batch="spring",stage="collect",state="delayed"} 1`,
      `rivya_batch_credits_cap_left{${of},batch="spring"} 50`,
      `rivya_batch_workers{${of}} 1`,
      `rivya_batch_account_briefs_pending{${of}} 3`,
      `rivya_batch_pace_limit{${of},source="told"} 7`,
      `rivya_batch_in_flight_limit{${of},source="told"} 3`,
      `rivya_batch_paced_requests_total{${of}} 1`,
      `rivya_batch_refusals_total{${of}} 1`,
      `rivya_batch_submissions_held{${of},reason="credits"} 1`,
      `rivya_batch_submissions_held{${of},reason="key"} 0`,
      `rivya_batch_wallet_credits{${of}} 42.5`,
      `rivya_batch_answers_total{${of},endpoint="submit",outcome="rate_limited"} 3`,
    ];
    for (const line of lines) expect(text.split('\n')).toContain(line);
    const readAt = /^rivya_batch_wallet_credits_read_timestamp_seconds\{.*\} (.*)$/m.exec(text);
    expect(Math.abs(Date.now() / 1000 - Number(readAt?.[1]))).toBeLessThan(60);
    // Within a bucket of what was noted.
    const notice = /rivya_batch_notice_seconds\{.*model="z-image",quantile="0.9"\} (.*)/.exec(text);
    expect(Number(notice?.[1])).toBeGreaterThan(1.8);
    expect(Number(notice?.[1])).toBeLessThan(2.2);
  });

  it('leave out what nobody has told yet, as beside workers of an earlier version', async () => {
    const { get } = await openMonitor({}, await openBatch());
    const { text } = await get('/metrics');
    for (const name of ['wallet_credits', 'answers_total', 'notice_seconds']) {
      expect(text).not.toContain(`rivya_batch_${name}`);
    }
    expect((await get('/')).text).not.toContain('balance');
  });

  it('and the first page tell the balance, and when it was read', async () => {
    const opened = await openBatch();
    await opened.account.records.noteWallet(1_234);
    const { get } = await openMonitor({}, opened);
    expect((await get('/')).text).toMatch(/balance<\/dt><dd>1,234 credits, \d+ s ago</);
  });

  it('know a key by what it is called, and by a hash where it is called nothing', async () => {
    const opened = await openBatch();
    const { get } = await openMonitor({}, opened);
    expect((await get('/')).text).toContain('<span class="quiet">account account-</span>');
    expect((await get('/batch?name=spring')).text).toContain('<dt>account</dt><dd>account- at');
    await opened.account.records.noteLabel('<Studio & co>');
    const page = async () => (await get('/')).text;
    await expect
      .poll(page, { timeout: 5_000 })
      .toContain('>account &lt;Studio &amp; co&gt;</span>');
    expect(await page()).toContain('>spring</a> <span class="whose">account &lt;Studio &amp; co');
    expect((await get('/batch?name=spring')).text).toContain(
      '<dt>account</dt><dd>&lt;Studio &amp; co&gt; at https://rivya.test</dd>',
    );
    expect((await get('/metrics')).text).toContain(
      'account_info{account="account-1",origin="https://rivya.test",label="<Studio & co>"} 1',
    );
  });

  it('keep a name of a batch from breaking out of its label', async () => {
    const opened = await openLedger({ batch: 'a"b' });
    const { get } = await openMonitor({}, opened);
    expect((await get('/metrics')).text).toContain('batch="a\\"b"');
  });
});
