import { describe, expect, it } from 'vitest';
import { ScheduleLedger } from '../../src/schedule/ledger.js';
import { identity } from '../support/ledger.js';
import { plan } from '../support/schedules.js';
import { openMonitor } from './open-monitor.js';
import { hook, openNights, refusedOn } from './open-nights.js';

const queuePath = '/queues/api/queues?activeQueue=schedules.account-1';

async function queueNames(get: (path: string) => Promise<{ text: string }>) {
  const { queues } = JSON.parse((await get('/queues/api/queues')).text) as {
    queues: { name: string; readOnlyMode: boolean; delimiter: string }[];
  };
  return queues.map(({ name, readOnlyMode }) => `${name}${readOnlyMode ? ', read-only' : ''}`);
}

describe('secrets of schedules', () => {
  it('S8: are nowhere: no webhook, no query and no login of an input, no key', async () => {
    const { add, note, tell, get } = await openNights();
    const login = 'https://reader:secret-login@files.test/a.csv';
    const files = ['https://files.test/in.csv?sig=secret-query', login];
    await add(plan('nightly', { files }), hook);
    const reason = `${login} and https://files.test/x?sig=secret-query with rvya_sk_secret-key`;
    await note('nightly', refusedOn(0, reason));
    const refused = { kind: 'given_up', tries: 9, atMs: 1, why: 'it answered HTTP 500' } as const;
    await tell('nightly', refusedOn(0, reason).id, refused);
    const seen = ['/', '/schedules', '/metrics', queuePath, '/queues/api/job-schedulers'];
    for (const path of seen) {
      const { text, status } = await get(path);
      expect([path, status]).toEqual([path, 200]);
      for (const secret of ['secret-hook', 'secret-query', 'secret-login', 'secret-key'])
        expect(text).not.toContain(secret);
    }
    const page = (await get('/schedules')).text;
    expect(page).toContain('https://files.test/in.csv, https://files.test/a.csv');
    expect(page).toContain(
      'https://hooks.test (finished, failed, waiting, approval), which could not be notified',
    );
  });

  it('are asked a login for, on the page and on the queue', async () => {
    const { add, get } = await openNights();
    await add(plan('nightly'));
    for (const path of ['/schedules', queuePath, '/queues/queue/schedules.account-1']) {
      const refused = await get(path, { password: null });
      expect([path, refused.status]).toEqual([path, 401]);
      expect(refused.text).not.toContain('nightly');
      expect((await get(path, { password: 'guess' })).status).toBe(401);
      expect((await get(path)).status).toBe(200);
    }
  });
});

describe('the queue of the schedules in Bull Board', () => {
  it('is there, read-only, while there are schedules, and looking leaves no trace', async () => {
    const { get, redis, prefix } = await openMonitor();
    const names = () => queueNames(get);
    expect(await names()).not.toContain('schedules.account-1, read-only');
    const ledger = new ScheduleLedger(redis, prefix, identity);
    await ledger.add(plan('nightly'), 'none');
    await expect.poll(names, { timeout: 5_000 }).toContain('schedules.account-1, read-only');
    expect((await get(queuePath)).status).toBe(200);
    expect(await redis.keys(`${prefix}:queue:schedules*`)).toEqual([]);
    await ledger.remove('nightly');
    await expect.poll(names, { timeout: 5_000 }).not.toContain('schedules.account-1, read-only');
    expect(await redis.keys(`${prefix}:queue:schedules*`)).toEqual([]);
  });

  it('shows what is due, with the way to its schedule', async () => {
    const { add, get } = await openNights();
    await add(plan('nightly'));
    const { text } = await get(`${queuePath}&status=delayed`);
    expect(text).toContain('"schedule":"nightly"');
    expect(text).toContain('/schedules#account-1%2Fnightly');
  });

  it('takes no action while the monitor is read-only, and no harmful one ever', async () => {
    const headers = { 'sec-fetch-site': 'same-origin' };
    const queue = '/queues/api/queues/schedules.account-1';
    const board = await openNights();
    await board.add(plan('nightly'));
    for (const action of ['pause', 'promote', 'retry/failed']) {
      const refused = await board.get(`${queue}/${action}`, { method: 'PUT', headers });
      expect([action, refused.status]).toEqual([action, 403]);
      expect(refused.text).toContain('--allow-actions');
    }
    const allowed = await openNights({ actions: 'allowed' });
    await allowed.add(plan('nightly'));
    for (const action of [
      'job-schedulers/nightly/remove',
      'job-schedulers/nightly/run',
      'empty',
      'obliterate',
    ]) {
      const refused = await allowed.get(`${queue}/${action}`, { method: 'PUT', headers });
      expect([action, refused.status]).toEqual([action, 403]);
    }
    expect(await allowed.queue.nextTick('nightly')).toBeGreaterThan(Date.now());
    const paused = await allowed.get(`${queue}/pause`, { method: 'PUT', headers });
    expect(paused.status).toBe(200);
  });
});
