import { join } from 'node:path';
import { csvParse } from 'd3-dsv';
import { expect } from 'vitest';
import { replyTo } from '../../src/simulator/chat-turn.js';
import { auditRun } from '../support/audit-run.js';
import { type Desk, fast, productsCsv, test } from '../support/cli.js';

const prompt = 'Write an alt text for "{{title}}"';
const chat = ['--id', 'sku', '--model', 'gpt-5-2-chat', '--prompt', prompt];
const run = ['run', 'in.csv', '--out', 'out', ...chat, ...fast];
const briefs = 120;

test('S1, S4, S5: turns of a chat are paid once each, through lost answers, errors and kills', async ({
  openDesk,
}) => {
  const desk = await openDesk({
    redis: 'private',
    speed: 20,
    faults: ['lose-answer-after-accept:0.05', 'error-after-accept:0.02'],
  });
  await desk.write('in.csv', productsCsv(briefs));
  for (const share of [0.2, 0.6]) {
    const killed = desk.start(run);
    await desk.tasksMade(Math.round(briefs * share));
    killed.kill('SIGKILL');
    expect((await killed.finished).signal).toBe('SIGKILL');
  }
  const went = await desk.run(run);
  expect(went.code, went.stderr).toBe(0);
  const { replays, faults } = desk.simulator.bill();
  expect(replays).toBeGreaterThan(0);
  expect(Object.keys(faults)).toContain('lose-answer-after-accept');
  expect(await auditRun(desk, { out: 'out', batch: 'out', briefs })).toEqual([]);
  const verified = await desk.run(['verify', 'out']);
  expect(verified.code, verified.stdout).toBe(0);
  await expectTexts(desk);
});

/** Each reply is in its line, in its file, and in the table. */
async function expectTexts(desk: Desk): Promise<void> {
  const table = new Map(
    csvParse(await desk.read('out/manifest.csv')).map((row) => [row.brief_id, row.text]),
  );
  for (const { brief_id: id, prompt: asked, text, assets, requests } of await desk.lines('out')) {
    expect(text).toBe(replyTo(asked ?? ''));
    expect(table.get(id)).toBe(text);
    expect(requests.status_checks).toBe(0);
    expect(await desk.read(join('out', assets[0]?.path ?? ''))).toBe(text);
  }
}

test('S1: a failed answer is asked for again by retry, a changed row by run, and a cap holds', async ({
  openDesk,
}) => {
  const desk = await openDesk({
    speed: Number.POSITIVE_INFINITY,
    faults: ['empty-answer:1x:prompt=Product 1'],
  });
  await desk.write('in.csv', 'sku,title\na,Product 1\nb,Product 2\nc,Product 3\n');
  const first = await desk.run(run);
  expect(first.code, first.stderr).toBe(3);
  expect(await desk.lines('out')).toMatchObject([
    { status: 'failed', text: '', error: { code: 'empty_answer' } },
    { status: 'succeeded' },
    { status: 'succeeded' },
  ]);
  const retried = await desk.run(['retry', 'out', '--yes', '--run']);
  expect(retried.code, retried.stderr).toBe(0);
  await desk.write('in.csv', 'sku,title\na,Product 1\nb,Product 2\nc,Another\n');
  const changed = await desk.run(run);
  expect(changed.code, changed.stderr).toBe(0);
  expect(await auditRun(desk, { out: 'out', batch: 'out', briefs: 3, tasks: 5 })).toEqual([]);
  const again = await desk.run(run);
  expect(again.stdout).toMatch(/finished/);
  expect(desk.simulator.bill().total.tasks).toBe(5);
  const sheet = await desk.run(['check', 'in.csv', ...chat, '--json']);
  expect(JSON.parse(sheet.stdout)).toMatchObject({ requests: { submits: 3, turns: 3, most: 3 } });
  const spent = desk.simulator.bill().total.spent;
  await desk.write('in.csv', productsCsv(30));
  const capped = await desk.run([...run.with(3, 'capped'), '--max-credits', '12']);
  expect(capped.code).toBe(4);
  expect(desk.simulator.bill().total.spent - spent).toBeLessThanOrEqual(12);
});
