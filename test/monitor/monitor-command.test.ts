import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { ask } from '../support/ask.js';
import { type Desk, fast, mapping, productsCsv, test } from '../support/cli.js';
import { until } from '../support/until.js';
import { withLogin } from './open-monitor.js';

const password = 'a long word';

async function startMonitor(desk: Desk, options: string[] = []) {
  const running = desk.start(['monitor', '--port', '0', ...options], {
    MONITOR_PASSWORD: password,
  });
  await until(() => /Monitor: http:\S+ \(/.test(running.output()));
  const origin = /http:\S+/.exec(running.output())?.[0] ?? '';
  return { running, origin, get: (path: string) => ask(origin, path, withLogin({ password })) };
}

describe.concurrent('rivya-batch monitor', () => {
  test('does not start without a password, nor without a login where others can reach it', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    const without = await desk.run(['monitor', '--port', '0']);
    expect([without.code, without.stdout]).toEqual([2, '']);
    expect(without.stderr).toContain('MONITOR_PASSWORD is not set');
    const open = await desk.run(['monitor', '--port', '0', '--no-login', '--host', '0.0.0.0']);
    expect(open.code).toBe(2);
    expect(open.stderr).toContain('not on 0.0.0.0');
    const environment = { MONITOR_USER: 'a:b', MONITOR_PASSWORD: 'tab\there' };
    const faulty = await desk.run(['monitor'], { environment });
    expect(faulty.code).toBe(2);
    expect(faulty.stderr).toContain('MONITOR_USER');
    expect(faulty.stderr).not.toContain('tab\there');
  });

  test('shows a batch, why briefs failed, and the whole story of one, and ends on SIGTERM', async ({
    openDesk,
  }) => {
    const desk = await openDesk({
      faults: ['task-fails:1x:prompt=Product 3', 'task-fails:1x:prompt=Product 5'],
    });
    await desk.write('in.csv', productsCsv(6));
    const ran = await desk.run(['run', 'in.csv', '--out', 'out', ...mapping, ...fast]);
    expect(ran.code).toBe(3);
    const { running, get } = await startMonitor(desk);

    const overview = (await get('/')).text;
    expect(overview).toContain('6 of 6');
    expect(overview).toContain('finished');
    const batch = (await get('/batch?name=out')).text;
    expect(batch).toContain('2 × generation_failed');
    const story = (await get('/brief?batch=out&id=00002')).text;
    for (const word of [
      'Admitted',
      'Sent',
      'Accepted',
      'Task over',
      'Collected',
      '1 credit charged',
    ]) {
      expect(story).toContain(word);
    }
    expect(story).toContain('Photo of Product 2');
    expect(story).toContain('on disk');
    const [line] = (await desk.lines('out')).filter(({ brief_id }) => brief_id === '00002');
    await rm(join(desk.folder, 'out', line?.assets[0]?.path ?? ''));
    expect((await get('/brief?batch=out&id=00002')).text).toContain('missing');
    expect((await get('/brief?batch=out&id=00003')).text).toContain('generation_failed');
    expect((await get('/find?text=product+4')).text).toContain('id=00004');
    expect((await get(`/find?text=${line?.task_id}`)).text).toContain('id=00002');

    // Of this batch alone, told when its process ended.
    const batchText = (await get('/batch?name=out')).text;
    const charts = [...batchText.matchAll(/aria-label="([^"]+ of its last 15 minutes): ([^;]*);/g)];
    expect(charts.map(([, name, sum]) => [name, sum])).toEqual([
      ['briefs of its last 15 minutes', '6, 2 without success'],
      ['credits of its last 15 minutes', '4'],
      ['refusals (429) of its last 15 minutes', '0'],
      ['time to notice of its last 15 minutes', expect.stringMatching(/^\d+\.\d s on average$/)],
    ]);
    expect(batchText).toContain('<a href="/batch?name=out&amp;span=week">its last week</a>');
    expect((await get('/batch?name=out&span=week')).text).toContain('briefs of its last week: 6');

    const metrics = (await get('/metrics')).text;
    expect(metrics).toMatch(/rivya_batch_briefs\{account="\w+",batch="out",status="succeeded"\} 4/);
    expect(metrics).toMatch(/rivya_batch_requests_total\{.*kind="download"\} 4/);
    expect(metrics).toMatch(
      /rivya_batch_task_duration_seconds\{.*model="z-image",quantile="0.5"\}/,
    );
    expect(metrics).toMatch(/rivya_batch_notice_seconds\{.*model="z-image",quantile="0.99"\}/);
    const answers = (endpoint: string, count: number) =>
      new RegExp(`_answers_total\\{.*endpoint="${endpoint}",outcome="ok"\\} ${count}\\b`);
    expect(metrics).toMatch(answers('submit', 6));
    expect(metrics).toMatch(answers('download', 4));
    expect(metrics).toMatch(answers('credits', 2));
    const { wallet } = desk.simulator.bill();
    expect(metrics).toMatch(new RegExp(`_wallet_credits\\{.*\\} ${wallet}\n`));

    expect((await desk.run(['retry', 'out', '--yes'])).code).toBe(0);
    await desk.run(['run', 'in.csv', '--out', 'out', ...mapping, ...fast]);
    const second = (await get('/brief?batch=out&id=00003')).text;
    expect(second).toContain('An earlier attempt ended');
    expect(second).toContain('attempt 1: failed, generation_failed');
    expect(second).toContain('<span class="pill succeeded">');
    running.kill('SIGTERM');
    const { code, stdout, stderr } = await running.finished;
    expect(code).toBe(0);
    expect(stdout + stderr).not.toContain(password);
  });

  test('S8: shows a batch while its paid results wait, without the tokens of their URLs', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ faults: ['download-status=503'] });
    await desk.write('in.csv', productsCsv(3));
    const run = desk.start(['run', 'in.csv', '--out', 'out', ...mapping, ...fast]);
    const { get } = await startMonitor(desk);
    const collecting = async () => (await get('/queues/api/queues?activeQueue=out.collect')).text;
    // Each of the three comes to its collect job in its own time.
    await until(async () => (await collecting()).split('?[hidden]').length > 3);
    const pages = [
      '/',
      '/batch?name=out',
      '/brief?batch=out&id=00001',
      '/metrics',
      '/find?text=media',
    ];
    for (const text of [
      await collecting(),
      ...(await Promise.all(pages.map(get))).map((page) => page.text),
    ]) {
      expect(text).not.toContain('token=');
      expect(text).not.toContain('rvya_sk_desk');
    }
    expect((await get('/brief?batch=out&id=00001')).text).toContain('Next: collect');
    expect((await get('/batch?name=out')).text).toContain('3 running');
    run.kill('SIGKILL');
  });

  test('shows the results of batches whose folder it has, and takes decisions only where actions are allowed', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(2));
    for (const out of ['out', 'other']) {
      const run = ['run', 'in.csv', '--out', out, ...mapping, ...fast];
      expect((await desk.run(run)).code).toBe(0);
    }
    const [line] = await desk.lines('out');
    const said = { brief_id: line?.brief_id, attempt: 1, sha256: line?.assets[0]?.sha256 };
    const decision = { ...said, decision: 'approved', note: null, prompt: null };
    const decide = async (origin: string, batch: string) => {
      const headers = { origin, 'content-type': 'application/json' };
      const body = JSON.stringify({ decisions: [decision] });
      const asked = withLogin({ password, method: 'POST', headers, body });
      return ask(origin, `/review/${batch}/decisions`, asked);
    };

    const reading = await startMonitor(desk);
    const link = '<a href="/review/out/">Look and decide</a>';
    expect((await reading.get('/')).text).toContain(link);
    expect((await reading.get('/batch?name=out')).text).toContain(link);
    expect((await reading.get('/review/out')).headers.location).toBe('/review/out/');
    expect((await reading.get('/review/out/')).text).toContain('src="page.js"');
    const data = JSON.parse((await reading.get('/review/out/data')).text);
    expect(data).toMatchObject({ batch: 'out', total: 2, canDecide: false });
    const path = line?.assets[0]?.path;
    expect((await reading.get(`/review/out/${path}`)).bytes).toHaveLength(
      line?.assets[0]?.bytes ?? 0,
    );
    for (const missing of ['/review/nowhere/data', '/review/out/run.json', '/review/']) {
      expect([missing, (await reading.get(missing)).status]).toEqual([missing, 404]);
    }
    for (const asked of [
      '/review/out/',
      '/review/out/data',
      '/review/out/events',
      `/review/out/${path}`,
    ]) {
      expect([asked, (await ask(reading.origin, asked)).status]).toEqual([asked, 401]);
    }
    expect((await decide(reading.origin, 'out')).status).toBe(403);

    const allowed = await startMonitor(desk, ['--allow-actions']);
    const taken = await decide(allowed.origin, 'out');
    expect(JSON.parse(taken.text)).toMatchObject({ taken: [decision], left_out: [] });
    expect(await desk.read('out/decisions.jsonl')).toContain('"approved"');
    const evil = { origin: 'http://evil.example', 'content-type': 'application/json' };
    const foreign = withLogin({
      password,
      method: 'POST',
      headers: evil,
      body: '{"decisions":[]}',
    });
    expect((await ask(allowed.origin, '/review/out/decisions', foreign)).status).toBe(403);
    await rm(join(desk.folder, 'other'), { recursive: true });
    expect((await allowed.get('/')).text).not.toContain('/review/other/');
    expect((await allowed.get('/review/other/data')).status).toBe(404);
    allowed.running.kill('SIGTERM');
    expect((await allowed.running.finished).code).toBe(0);
    expect(await desk.read('out/manifest.csv')).toContain(',approved');
  });

  test('says in a sentence that its port is taken', async ({ openDesk }) => {
    const desk = await openDesk();
    const { origin } = await startMonitor(desk);
    const environment = { MONITOR_PASSWORD: password, MONITOR_PORT: new URL(origin).port };
    const second = await desk.run(['monitor'], { environment });
    expect(second.code).toBe(2);
    expect(second.stderr).toContain('something listens there already');
  });
});
