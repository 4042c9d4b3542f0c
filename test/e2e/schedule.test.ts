import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { type Desk, fast, mapping, productsCsv, test } from '../support/cli.js';

interface ShownRun {
  run: string;
  state: string;
  batch: string;
  scheduled: string;
  missed: number;
  trigger: string;
  exit_code: number | null;
  counts: { admitted: number; succeeded: number } | null;
  reason: string | null;
  told: { type: string; taken: boolean; tries: number; reason: string | null } | null;
}

interface Shown {
  state: string;
  next: string | null;
  notify: { origin: string; on: string[] } | null;
  notify_failed: boolean;
  history: ShownRun[];
}

async function look(desk: Desk, name = 'shots'): Promise<Shown> {
  const { stdout } = await desk.run(['schedule', 'list', name, '--json']);
  return (JSON.parse(stdout) as [Shown])[0];
}

async function lookUntil(desk: Desk, reached: (shown: Shown) => boolean): Promise<Shown> {
  for (;;) {
    const shown = await look(desk);
    if (reached(shown)) return shown;
    await sleep(300);
  }
}

const add = ['schedule', 'add', 'shots', 'in.csv', '--out', 'nights', ...mapping];
const daily = ['--cron', '0 2 * * *', '--tz', 'Europe/Berlin'];
const over = ({ state }: ShownRun) => ['ended', 'refused', 'skipped'].includes(state);

/** A webhook that answers 500 at first. */
async function openWebhook() {
  const told: Record<string, unknown>[] = [];
  let calls = 0;
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    calls += 1;
    response.statusCode = calls === 1 ? 500 : 200;
    if (calls > 1) told.push(JSON.parse(body) as Record<string, unknown>);
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const secret = randomUUID();
  const { port } = server.address() as AddressInfo;
  return { told, secret, url: `http://127.0.0.1:${port}/hook/${secret}`, server };
}

describe.concurrent('a schedule', () => {
  test('runs once per tick with two workers, each tick a batch of its own (S1, S4)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(2));
    const each = ['--cron', '*/2 * * * * *', '--tz', 'Europe/Berlin', '--overlap', 'both'];
    expect(await desk.run([...add, ...each])).toMatchObject({ code: 0 });
    const workers = [desk.start(['worker', ...fast]), desk.start(['worker', ...fast])];
    await lookUntil(desk, ({ history }) => history.filter(over).length >= 4);
    expect((await desk.run(['schedule', 'pause', 'shots'])).code).toBe(0);
    const { history, state, next } = await lookUntil(desk, (shown) => shown.history.every(over));
    expect({ state, next }).toEqual({ state: 'paused', next: null });
    // Paused: nothing comes after it.
    await sleep(2_500);
    expect((await look(desk)).history).toHaveLength(history.length);
    for (const worker of workers) worker.kill('SIGTERM');
    for (const worker of workers) expect((await worker.finished).code).toBe(0);

    const runs = [...history].reverse().map((run) => ({ ...run, at: Date.parse(run.scheduled) }));
    for (const [index, { at, missed }] of runs.entries()) {
      const after = runs[index + 1]?.at ?? at + 2_000;
      expect(at % 2_000).toBe(0);
      expect(after).toBeGreaterThan(at);
      // On a machine that is too slow for them, one run stands for the ticks that were missed, and says so.
      expect(after - at).toBeLessThanOrEqual(2_000 * (missed + 1));
    }
    expect(new Set(history.map(({ batch }) => batch)).size).toBe(history.length);
    for (const run of history) {
      expect(run).toMatchObject({ state: 'ended', exit_code: 0, counts: { succeeded: 2 } });
      expect(await desk.lines(`nights/${run.batch}`)).toHaveLength(2);
      expect(await desk.assets(`nights/${run.batch}`)).toHaveLength(2);
    }
    expect((await desk.run(['verify', `nights/${history[0]?.batch}`])).code).toBe(0);
    const bill = desk.simulator.bill();
    expect(bill.billedTwice).toEqual([]);
    expect(bill.total.tasks).toBe(2 * history.length);
  });

  test('tells its webhook how each run ends, and nobody of its URL (S8)', async ({ openDesk }) => {
    const desk = await openDesk();
    const webhook = await openWebhook();
    await desk.write('in.csv', 'sku,title\n1,Fox\n2,\n');
    const added = await desk.run([...add, ...daily, '--notify', webhook.url, '--notify-private']);
    const worker = desk.start(['worker', ...fast]);
    await desk.run(['schedule', 'run-now', 'shots']);
    const refused = await lookUntil(desk, ({ history }) => history.some(over));
    expect(refused.notify).toEqual({
      origin: new URL(webhook.url).origin,
      on: ['finished', 'failed', 'waiting'],
    });
    expect(refused.history[0]).toMatchObject({ state: 'refused', exit_code: 2, trigger: 'hand' });
    expect(refused.history[0]?.reason).toContain('row 3');
    expect(desk.simulator.bill().total.tasks).toBe(0);

    await desk.write('in.csv', 'sku,title\n1,Fox\n');
    await desk.run(['schedule', 'run-now', 'shots']);
    const { history } = await lookUntil(desk, (shown) => shown.history.filter(over).length === 2);
    expect(history[0]).toMatchObject({ state: 'ended', exit_code: 0 });

    const taken = await lookUntil(desk, (shown) => shown.history.every(({ told }) => told?.taken));
    expect(taken).toMatchObject({
      notify_failed: false,
      history: [{ told: { type: 'batch.finished' } }, { told: { type: 'batch.failed' } }],
    });
    const told = new Map(webhook.told.map((message) => [message.batch, message]));
    expect(told.size).toBe(webhook.told.length);
    expect(told.get(refused.history[0]?.batch)).toMatchObject({
      type: 'batch.failed',
      text: expect.stringMatching(/^shots: .*nothing was spent/),
      reason: 'refused',
    });
    expect(told.get(history[0]?.batch)).toMatchObject({
      type: 'batch.finished',
      counts: { succeeded: 1 },
    });

    webhook.server.close();
    await desk.write('in.csv', 'sku,title\n1,\n');
    await desk.run(['schedule', 'run-now', 'shots']);
    const untold = await lookUntil(desk, ({ notify_failed }) => notify_failed);
    expect(untold.history[0]?.told).toMatchObject({ type: 'batch.failed', taken: false });
    worker.kill('SIGTERM');
    expect((await worker.finished).code).toBe(0);
    const listed = await desk.run(['schedule', 'list', 'shots']);
    expect(listed.stdout).toContain('(finished, failed, waiting), which could not be told');
    expect(listed.stdout).toContain('At 02:00, every day, in Europe/Berlin (0 2 * * *)');
    const table = (await desk.run(['schedule', 'list'])).stdout;
    expect(table.replace(/[\s│]+/g, ' ')).toContain('the webhook could not be told');
    for (const text of [added, listed].map(({ stdout, stderr }) => stdout + stderr)) {
      expect(text).not.toContain(webhook.secret);
    }
    expect(worker.output()).not.toContain(webhook.secret);
  });

  test('is refused with a sentence where it cannot be, and removed for good', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(1));
    for (const [words, sentence] of [
      [[...add, '--cron', '0 26 * * *'], /no cron pattern/],
      [[...add, '--cron', '0 2 * * *', '--tz', 'Berlin'], /no time zone/],
      [['schedule', 'add', 'shots', '-', '--out', 'nights', ...daily], /stdin/],
      [['schedule', 'add', 'x', 'http://a.test/in.csv', '--out', 'n', ...daily], /only https/],
      [['schedule', 'run-now', 'shots'], /no schedule named shots/],
    ] as const) {
      const result = await desk.run([...words]);
      expect(result.code).toBe(2);
      expect(result.stderr).toMatch(sentence);
    }
    expect((await desk.run([...add, ...daily])).stdout).toContain('Next run: ');
    expect((await desk.run([...add, ...daily])).stdout).toContain('there already');
    const other = await desk.run([...add, ...daily, '--limit', '1']);
    expect(other).toMatchObject({ code: 2 });
    expect((await desk.run(['schedule', 'remove', 'shots'])).code).toBe(0);
    expect((await desk.run(['schedule', 'list', '--json'])).stdout.trim()).toBe('[]');
  });
});
