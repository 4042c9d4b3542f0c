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
    expect(listed.stdout).toContain('(finished, failed, waiting), which could not be notified');
    expect(listed.stdout).toContain('At 02:00, every day, in Europe/Berlin (0 2 * * *)');
    const table = (await desk.run(['schedule', 'list'])).stdout;
    expect(table.replace(/[\s│]+/g, ' ')).toContain('the webhook could not be notified');
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
      [[...add, '--cron', '0 26 * * *'], /not a cron pattern/],
      [[...add, '--cron', '0 2 * * *', '--tz', 'Berlin'], /no time zone/],
      [['schedule', 'add', 'shots', '-', '--out', 'nights', ...daily], /stdin/],
      [['schedule', 'add', 'x', 'http://a.test/in.csv', '--out', 'n', ...daily], /an https URL/],
      [['schedule', 'run-now', 'shots'], /no schedule named "shots"/],
    ] as const) {
      const result = await desk.run([...words]);
      expect(result.code).toBe(2);
      expect(result.stderr).toMatch(sentence);
    }
    expect((await desk.run([...add, ...daily])).stdout).toContain('Next run: ');
    expect((await desk.run([...add, ...daily])).stdout).toContain('there already');
    const other = await desk.run([...add, ...daily, '--limit', '1']);
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('schedule set shots') });
    expect((await desk.run(['schedule', 'remove', 'shots'])).code).toBe(0);
    expect((await desk.run(['schedule', 'list', '--json'])).stdout.trim()).toBe('[]');
  });

  test('is shown whole, and changed in what is typed alone, with each change told (S8)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(3));
    const notify = ['--notify', 'https://hooks.test/T0/secret-hook'];
    const recipe = { prompt: 'Photo of {{title}}', id: 'sku', model: 'z-image', limit: 2 };
    await desk.write('recipe.json', JSON.stringify(recipe));
    const kept = ['--max-credits', '9', '--param', 'seed=1', '--only-changed'];
    const added = await desk.run([
      ...['schedule', 'add', 'shots', 'in.csv', '--out', 'nights', ...daily],
      ...[...mapping, ...kept, ...notify],
    ]);
    expect(added.code, added.stderr).toBe(0);
    await desk.run(['schedule', 'pause', 'shots']);

    // A variable of the environment is nothing that was typed.
    const environment = { RIVYA_BATCH_MODEL: 'seedream-4', RIVYA_BATCH_LIMIT: '1' };
    const words = ['--cron', '0 3 * * *', '--param', 'aspect_ratio=1:1', '--notify-on', 'failed'];
    const set = await desk.run(['schedule', 'set', 'shots', ...words], { environment });
    expect(set.code, set.stderr).toBe(0);
    const told = set.stdout.replace(/ +/g, ' ');
    for (const line of [
      ' --cron 0 2 * * * -> 0 3 * * *',
      ' --param seed=1 -> seed=1, aspect_ratio=1:1',
      ' --notify https://hooks.test (finished, failed, waiting) -> https://hooks.test (failed)',
      'It is paused until "rivya-batch schedule resume shots".',
    ]) {
      expect(told).toContain(line);
    }
    expect(told.split('->')).toHaveLength(4);

    const byRecipe = await desk.run(['schedule', 'set', 'shots', '--recipe', 'recipe.json']);
    expect(byRecipe.code, byRecipe.stderr).toBe(0);
    expect(byRecipe.stdout.replace(/ +/g, ' ')).toContain(' --limit not given -> 2');
    const unset = ['--unset', 'max-credits,limit', '--keep-runs', '3'];
    expect((await desk.run(['schedule', 'set', 'shots', ...unset])).code).toBe(0);
    expect((await desk.run(['schedule', 'set', 'shots', ...unset])).stdout).toContain(
      'nothing was changed',
    );
    await desk.run(['schedule', 'resume', 'shots']);
    const shown = await desk.run(['schedule', 'show', 'shots', '--json']);
    const schedule = JSON.parse(shown.stdout) as Shown & Record<string, unknown>;
    expect(schedule).toMatchObject({
      ...{ schedule: 'shots', state: 'active', cron: '0 3 * * *', only_changed: true },
      ...{ max_credits: null, keep_runs: 3, keep_days: null },
      notify: { origin: 'https://hooks.test', on: ['failed'] },
    });
    expect(schedule.next_times).toHaveLength(5);
    expect((schedule.next_times as string[])[0]).toBe(schedule.next);
    expect(schedule.command).toMatch(/schedule add shots .*\/in\.csv --cron '0 3 \* \* \*'/);
    expect(schedule.command).toContain(`--recipe ${desk.folder}/recipe.json --id sku --model`);
    expect(schedule.command).not.toContain('--limit');
    // What the recipe does not say of the input is not as it was before.
    expect(schedule.command).not.toContain('--param');
    const read = (await desk.run(['schedule', 'show', 'shots'])).stdout;
    expect(read).toContain('At 03:00, every day, in Europe/Berlin (0 3 * * *)');
    expect(read.match(/ 03:00 /g)).toHaveLength(5);
    expect(read).toContain('the last 3 runs that made something');

    for (const [refused, sentence] of [
      [['shots'], /Give the options to change/],
      [['other', '--cron', '0 3 * * *'], /no schedule named "other"/],
      [['shots', '--cron', '0 26 * * *'], /not a cron pattern/],
      [['shots', '--unset', 'cron'], /cron cannot be unset/],
      [['shots', '-'], /stdin/],
      [['shots', '--nonsense', '3'], /unknown option/],
      [['shots', '--prompt', '@none.txt'], /no such file/],
    ] as const) {
      const result = await desk.run(['schedule', 'set', ...refused]);
      expect(result.code, refused.join(' ')).toBe(2);
      expect(result.stderr).toMatch(sentence);
    }
    expect((await desk.run(['schedule', 'show', 'shots', '--json'])).stdout).toBe(shown.stdout);
    for (const { stdout, stderr } of [added, set, byRecipe, shown]) {
      expect(stdout + stderr).not.toContain('secret-hook');
    }
  });
});
