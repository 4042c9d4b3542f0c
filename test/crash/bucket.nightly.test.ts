import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { type ManifestLine, manifestLineSchema } from '../../src/shared/manifest-line.js';
import { type Desk, fast, mapping, productsCsv, test } from '../support/cli.js';
import type { Running } from '../support/running.js';
import { S3Server } from '../support/s3-server.js';

const many = Number(process.env.BUCKET_BRIEFS ?? 300);
const few = 6;

async function openBucket() {
  const server = await S3Server.start('cat');
  onTestFinished(() => server.stop());
  return server;
}

/** A worker that has nothing in common with others but Redis, the API and the bucket. */
async function openMachine(desk: Desk, server: S3Server, state: 'working' | 'idle') {
  const home = await mkdtemp(join(tmpdir(), 'rivya-batch-home-'));
  onTestFinished(() => rm(home, { recursive: true, force: true, maxRetries: 5 }));
  const environment = { ...server.env, RIVYA_BATCH_HOME: home };
  const begin = () => desk.start(['worker', ...fast], environment);
  let life: Running | null = state === 'working' ? begin() : null;
  return {
    environment,
    begin(): void {
      life = begin();
    },
    /** What it has logged so far. */
    output: () => life?.output() ?? '',
    kill(): void {
      life?.kill('SIGKILL');
    },
    async stop(): Promise<void> {
      life?.kill('SIGTERM');
      expect(await life?.finished).toMatchObject({ code: 0 });
    },
  };
}

async function linesIn(server: S3Server): Promise<ManifestLine[]> {
  const text = await server.text('cat', 'spring/manifest.jsonl');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => manifestLineSchema.parse(JSON.parse(line)));
}

async function isFinished(server: S3Server): Promise<boolean> {
  const text = await server.text('cat', 'spring/run.json').catch(() => null);
  return text !== null && (JSON.parse(text) as { state: string }).state === 'finished';
}

async function expectWhole(
  desk: Desk,
  server: S3Server,
  { environment, briefs }: { environment: Record<string, string>; briefs: number },
) {
  const lines = await linesIn(server);
  expect(new Set(lines.map((line) => line.brief_id)).size).toBe(briefs);
  expect(lines).toHaveLength(briefs);
  const { total } = desk.simulator.bill();
  expect(total.tasks).toBe(briefs);
  expect(lines.reduce((sum, { credits }) => sum + (credits.final ?? 0), 0)).toBe(total.charged);
  for (const { path, sha256 } of lines.flatMap((line) => line.assets)) {
    const bytes = await server.bytes('cat', `spring/${path}`);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256);
  }
  const verified = await desk.run(['verify', 's3://cat/spring', '--json'], { environment });
  expect(JSON.parse(verified.stdout)).toMatchObject({ ok: true, state: 'finished', problems: [] });
}

test('two machines, killed in turn again and again, with losses on the way to the bucket (S1, S4, S5)', async ({
  openDesk,
}) => {
  const desk = await openDesk({ durationMs: 1_000 });
  const server = await openBucket();
  server.plan({ method: 'PUT', key: /assets/, times: 10, fault: { kind: 'lose-answer' } });
  server.plan({ method: 'PUT', key: /manifest\.jsonl/, times: 3, fault: { kind: 'lose-answer' } });
  const slow = { kind: 'answer', status: 503, code: 'SlowDown' } as const;
  server.plan({ method: 'PUT', key: /assets/, times: 20, fault: slow });
  await desk.write('in.csv', productsCsv(many));
  const machines = [
    await openMachine(desk, server, 'working'),
    await openMachine(desk, server, 'working'),
  ];
  const [first, second] = machines;
  const enqueued = await desk.run(['enqueue', 'in.csv', '--out', 's3://cat/spring', ...mapping], {
    environment: first?.environment ?? {},
  });
  expect(enqueued).toMatchObject({ code: 0 });
  for (let kills = 0; kills < 6 && !(await isFinished(server)); kills += 1) {
    await desk.tasksMade(Math.floor((many * (kills + 1)) / 7));
    await sleep(500 * kills);
    machines[kills % 2]?.kill();
    machines[kills % 2]?.begin();
  }
  while (!(await isFinished(server))) await sleep(200);
  await Promise.all(machines.map((machine) => machine.stop()));
  await expectWhole(desk, server, { environment: second?.environment ?? {}, briefs: many });
});

/** Where on the way from a file to the end of its batch a worker is killed: while, or right after, this is put. */
const points = {
  'a result': /assets\//,
  'the journal': /journal\.jsonl/,
  'the manifest': /manifest\.jsonl/,
  'the table': /manifest\.csv/,
  'the report': /run\.json/,
};

for (const [what, key] of Object.entries(points)) {
  for (const when of ['before it is there', 'before that is heard'] as const) {
    test(`S1, S4, S5: killed while it puts ${what}, ${when}: another machine ends the batch`, async ({
      openDesk,
    }) => {
      const desk = await openDesk();
      const server = await openBucket();
      await desk.write('in.csv', productsCsv(few));
      const first = await openMachine(desk, server, 'idle');
      const enqueued = await desk.run(
        ['enqueue', 'in.csv', '--out', 's3://cat/spring', ...mapping],
        {
          environment: first.environment,
        },
      );
      expect(enqueued.code).toBe(0);
      let release: () => void = () => undefined;
      const until = new Promise<void>((resolve) => {
        release = resolve;
      });
      const fault = when === 'before it is there' ? 'hold' : 'lose-answer';
      server.plan({
        ...{ method: 'PUT', key, times: 1 },
        fault: fault === 'hold' ? { kind: fault, until } : { kind: fault },
      });
      const seen = server.seen.length;
      first.begin();
      const isPut = ({ method, key: name }: { method: string; key: string }) =>
        method === 'PUT' && key.test(name);
      while (!server.seen.slice(seen).some(isPut)) await sleep(5);
      first.kill();
      release();
      const second = await openMachine(desk, server, 'working');
      // The report may have got there, and nobody have heard so: the batch is over when the ledger knows.
      while (!second.output().includes('batch finished')) await sleep(100);
      expect(await isFinished(server)).toBe(true);
      await second.stop();
      await expectWhole(desk, server, { environment: second.environment, briefs: few });
    });
  }
}

test('S1, S3, S4: a run beside the machine that writes the results takes over from it when it is killed', async ({
  openDesk,
}) => {
  const desk = await openDesk();
  const server = await openBucket();
  await desk.write('in.csv', productsCsv(few));
  const [first, second] = [
    await openMachine(desk, server, 'idle'),
    await openMachine(desk, server, 'idle'),
  ];
  const out = ['--out', 's3://cat/spring', ...mapping];
  const { environment } = second;
  await desk.run(['enqueue', 'in.csv', ...out], { environment: first.environment });
  await desk.run(['pause', 'spring']);
  first.begin();
  while (!first.output().includes('working on batch')) await sleep(50);
  // What is to be made anew needs the lines, and whoever has them is not disturbed.
  const changed = ['run', 'in.csv', ...out, ...fast, '--param', 'seed=1'];
  const refused = await desk.run(changed, { environment });
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('is writing their') });
  const run = desk.start(['run', 'in.csv', ...out, ...fast], environment);
  while (!run.output().includes('shares the work')) await sleep(50);
  first.kill();
  await desk.run(['resume', 'spring']);
  expect((await run.finished).code).toBe(0);
  await expectWhole(desk, server, { environment, briefs: few });
});
