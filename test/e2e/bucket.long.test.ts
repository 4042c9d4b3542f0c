import { createHash } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, onTestFinished, vi } from 'vitest';
import { Bucket } from '../../src/bucket/bucket.js';
import type { ManifestLine } from '../../src/shared/manifest-line.js';
import { type Desk, fast, mapping, productsCsv, test } from '../support/cli.js';
import { S3Server } from '../support/s3-server.js';

const csv = (count: number, prompt = 'a chair') =>
  `id,model,prompt\n${Array.from({ length: count }, (_, at) => `chair-${at + 1},z-image,${prompt} ${at + 1}`).join('\n')}\n`;

async function openBucket() {
  const server = await S3Server.start('cat');
  onTestFinished(() => server.stop());
  return server;
}

/** Another machine, as far as buckets go: nothing of the first one's disk. */
async function elsewhere(): Promise<Record<string, string>> {
  return { RIVYA_BATCH_HOME: await mkdtemp(join(tmpdir(), 'rivya-batch-home-')) };
}

async function linesIn(server: S3Server, prefix: string): Promise<ManifestLine[]> {
  const text = await server.text('cat', `${prefix}/manifest.jsonl`);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as ManifestLine);
}

async function run(
  desk: Desk,
  server: S3Server,
  words: string[],
  env: Record<string, string> = {},
) {
  return desk.run(words, { environment: { ...server.env, ...env } });
}

describe('a bucket as the place of results', () => {
  let server: S3Server;
  beforeEach(async () => {
    server = await openBucket();
  });

  test('S5: holds each file as its line says, the closing files and the journal', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    const file = await desk.write('chairs.csv', csv(8));
    const ran = await run(desk, server, ['run', file, '--out', 's3://cat/spring/']);
    expect(ran.stderr + ran.stdout).toContain('8 succeeded');
    expect(ran.code).toBe(0);
    const lines = await linesIn(server, 'spring');
    expect(lines.map((line) => line.status)).toEqual(Array(8).fill('succeeded'));
    for (const { assets } of lines) {
      for (const { path, sha256 } of assets) {
        const bytes = await server.bytes('cat', `spring/${path}`);
        expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256);
      }
    }
    expect(await server.keys('cat')).toEqual(
      expect.arrayContaining(
        ['manifest.jsonl', 'journal.jsonl', 'manifest.csv', 'run.json'].map(
          (name) => `spring/${name}`,
        ),
      ),
    );
    const env = await elsewhere();
    const verified = await run(desk, server, ['verify', 's3://cat/spring', '--json'], env);
    expect(JSON.parse(verified.stdout)).toMatchObject({
      ok: true,
      state: 'finished',
      checked: { lines: 8, assets: 8 },
      warnings: [],
    });
    const costs = await run(desk, server, ['costs', 's3://cat/spring', '--csv'], env);
    expect(costs.code).toBe(0);
    const printed = await run(desk, server, ['manifest', 's3://cat/spring'], env);
    expect(printed.stdout.trimEnd().split('\n')).toHaveLength(8);
  });

  test('says why briefs did not succeed to whatever machine asks', async ({ openDesk }) => {
    const desk = await openDesk({ faults: ['task-fails=nsfw:1x'] });
    const file = await desk.write('chairs.csv', csv(3));
    expect((await run(desk, server, ['run', file, '--out', 's3://cat/spring'])).code).toBe(3);
    const asked = ['status', 'spring', '--failed', '--json'];
    const failed = await run(desk, server, asked, await elsewhere());
    expect(failed.code).toBe(0);
    expect(JSON.parse(failed.stdout)).toMatchObject({
      not_succeeded: 1,
      groups: [{ code: 'nsfw', count: 1 }],
    });
  });

  test('S1: another machine that has lost Redis goes on with what it finds there, and costs nothing again', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    const file = await desk.write('chairs.csv', csv(6));
    const out = ['--out', 's3://cat/spring'];
    expect((await run(desk, server, ['run', file, ...out])).code).toBe(0);
    const before = await linesIn(server, 'spring');
    const env = { ...(await elsewhere()), RIVYA_BATCH_PREFIX: 'lost' };
    const again = await run(desk, server, ['run', file, ...out], env);
    expect(again.code).toBe(0);
    expect(await linesIn(server, 'spring')).toEqual(before);
    // One row more, and one that has changed: two are made, and the earlier line is in the history.
    await desk.write('chairs.csv', `${csv(7).replace('a chair 2', 'a table')}`);
    const more = await run(desk, server, ['run', file, ...out, '--yes'], env);
    expect(more.code).toBe(0);
    expect(desk.simulator.bill().total.tasks).toBe(8);
    expect(await linesIn(server, 'spring')).toHaveLength(7);
    expect(await server.text('cat', 'spring/history.jsonl')).toContain('"chair-2"');
    const verified = await run(
      desk,
      server,
      ['verify', 's3://cat/spring', '--json'],
      await elsewhere(),
    );
    expect(JSON.parse(verified.stdout)).toMatchObject({ ok: true, warnings: [] });
  });

  test('S5: an object that is gone, or has other bytes, is found', async ({ openDesk }) => {
    const desk = await openDesk();
    const file = await desk.write('chairs.csv', csv(2));
    await run(desk, server, ['run', file, '--out', 's3://cat/spring']);
    const [first, second] = await linesIn(server, 'spring');
    for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value);
    onTestFinished(() => void vi.unstubAllEnvs());
    const bucket = Bucket.open('s3://cat/spring', { endpoint: server.endpoint });
    const path = first?.assets[0]?.path ?? '';
    const bytes = await server.bytes('cat', `spring/${path}`);
    bytes[10] = (bytes[10] ?? 0) ^ 1;
    await desk.write('flipped', bytes);
    const flipped = { path: join(desk.folder, 'flipped'), bytes: bytes.length };
    await bucket.put(path, flipped, { onlyIf: 'any', mediaType: 'image/png' });
    await bucket.remove(second?.assets[0]?.path ?? '');
    await bucket.close();
    const verified = await run(
      desk,
      server,
      ['verify', 's3://cat/spring', '--json'],
      await elsewhere(),
    );
    expect(verified.code).toBe(1);
    const { problems } = JSON.parse(verified.stdout) as { problems: { code: string }[] };
    expect(problems.map(({ code }) => code).sort()).toEqual([
      'asset_hash_differs',
      'asset_missing',
    ]);
  });

  test('decisions of another machine are taken, and what was approved is handed over there', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    const file = await desk.write('chairs.csv', csv(3));
    await run(desk, server, ['run', file, '--out', 's3://cat/spring']);
    const [first, second] = await linesIn(server, 'spring');
    const decide = (line: ManifestLine | undefined, decision: string) =>
      JSON.stringify({
        brief_id: line?.brief_id,
        attempt: 1,
        sha256: line?.assets[0]?.sha256,
        decision,
        note: null,
        prompt: decision === 'again' ? 'a stool' : null,
        at: '2026-06-01T12:00:00Z',
      });
    const decided = await desk.write(
      'decided.jsonl',
      `${decide(first, 'approved')}\n${decide(second, 'again')}\n`,
    );
    const env = await elsewhere();
    const taken = await run(desk, server, ['review', 's3://cat/spring', '--take', decided], env);
    expect(taken.code).toBe(0);
    expect(await server.text('cat', 'spring/decisions.jsonl')).toContain('"approved"');
    const applied = await run(desk, server, ['review', 's3://cat/spring', '--apply', '--yes'], env);
    expect(applied.code).toBe(0);
    const name = first?.assets[0]?.path.split('/').at(-1);
    expect(await server.bytes('cat', `spring/approved/${name}`)).toEqual(
      await server.bytes('cat', `spring/${first?.assets[0]?.path}`),
    );
    const types = server.seen
      .filter(({ method, key }) => method === 'PUT' && key.startsWith('spring/approved/'))
      .map(({ headers }) => headers['content-type']);
    expect(types.sort()).toEqual(['image/png', 'text/csv; charset=utf-8']);
    const made = await run(desk, server, ['continue', 'spring'], env);
    expect(made.code).toBe(0);
    const lines = await linesIn(server, 'spring');
    expect(lines.find((line) => line.brief_id === second?.brief_id)).toMatchObject({
      attempt: 2,
      input_prompt: expect.any(String),
    });
    expect(desk.simulator.bill().total.tasks).toBe(4);
  });

  test('a bucket that refuses, or is away for a while, holds results up and loses none', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    const file = await desk.write('chairs.csv', csv(4));
    server.plan({
      method: 'PUT',
      key: /assets/,
      times: 8,
      fault: { kind: 'answer', status: 503, code: 'SlowDown' },
    });
    server.plan({ method: 'PUT', key: /assets/, times: 1, fault: { kind: 'lose-answer' } });
    server.plan({
      method: 'PUT',
      key: /manifest/,
      times: 2,
      fault: { kind: 'answer', status: 403, code: 'ExpiredToken' },
    });
    const ran = await run(desk, server, ['run', file, '--out', 's3://cat/spring']);
    expect(ran.code).toBe(0);
    expect(desk.simulator.bill().total.tasks).toBe(4);
    const verified = await run(
      desk,
      server,
      ['verify', 's3://cat/spring', '--json'],
      await elsewhere(),
    );
    expect(JSON.parse(verified.stdout)).toMatchObject({ ok: true, warnings: [] });
  });

  test('S1, S4: a run beside the machine that writes the results shares its work, and ends with it', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(8));
    const out = ['--out', 's3://cat/spring', ...mapping];
    const [here, there] = [await elsewhere(), await elsewhere()];
    await run(desk, server, ['enqueue', 'in.csv', ...out, '--limit', '6'], there);
    // So that it cannot be over too soon.
    await desk.run(['pause', 'spring']);
    const worker = desk.start(['worker', ...fast], { ...server.env, ...there });
    while (!worker.output().includes('working on batch')) await sleep(50);
    const second = desk.start(['run', 'in.csv', ...out, ...fast], { ...server.env, ...here });
    while (!second.output().includes('this one shares the work')) await sleep(50);
    await desk.run(['resume', 'spring']);
    expect((await second.finished).code, second.output()).toBe(0);
    expect(second.output()).toContain('8 succeeded');
    expect(desk.simulator.bill()).toMatchObject({ total: { tasks: 8 }, billedTwice: [] });
    worker.kill('SIGTERM');
    expect((await worker.finished).code).toBe(0);
    const verified = await run(desk, server, ['verify', 's3://cat/spring', '--json'], here);
    expect(JSON.parse(verified.stdout)).toMatchObject({
      ok: true,
      state: 'finished',
      warnings: [],
    });
  });

  test('a bucket that is not there is told before anything is sent', async ({ openDesk }) => {
    const desk = await openDesk();
    const file = await desk.write('chairs.csv', csv(2));
    const ran = await run(desk, server, ['run', file, '--out', 's3://dog/spring']);
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain('s3://dog');
    expect(desk.simulator.bill().total.tasks).toBe(0);
  });

  test('S1, S5: the nights of a schedule are made there, and pay for what changed alone', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(3));
    const words = ['schedule', 'add', 'shots', 'in.csv', '--out', 's3://cat/nights/', ...mapping];
    const daily = ['--cron', '0 2 * * *', '--tz', 'Europe/Berlin', '--only-changed'];
    const refused = await run(desk, server, [...words, ...daily, '--keep-runs', '3']);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('lifecycle rule') });
    const added = await run(desk, server, [...words, ...daily]);
    expect(added.code, added.stderr).toBe(0);
    expect(added.stderr).not.toContain('That is how it is on this machine');
    const machines = [await elsewhere(), await elsewhere()];
    const nights: string[] = [];
    for (const [night, environment] of machines.entries()) {
      // Each night on another machine.
      const worker = desk.start(['worker', ...fast], { ...server.env, ...environment });
      await run(desk, server, ['schedule', 'run-now', 'shots']);
      const history = await historyOf(desk, server, night + 1);
      expect(history[0]).toMatchObject({ state: 'ended', exit_code: 0 });
      nights.push(history[0]?.out ?? '');
      worker.kill('SIGTERM');
      expect((await worker.finished).code).toBe(0);
      await desk.write('in.csv', productsCsv(3).replace(/(\n[^\n,]*,)[^\n,]*/, '$1Another title'));
    }
    expect(nights[1]).toMatch(/^s3:\/\/cat\/nights\/shots@/);
    expect(desk.simulator.bill().total.tasks).toBe(4);
    const lines = await linesIn(server, nights[1]?.slice('s3://cat/'.length) ?? '');
    expect(lines.filter(({ from }) => from !== null && from !== undefined)).toHaveLength(2);
    for (const night of nights) {
      const verified = await run(desk, server, ['verify', night, '--json'], await elsewhere());
      expect(JSON.parse(verified.stdout)).toMatchObject({ ok: true, warnings: [] });
    }
    const shown = await run(desk, server, ['schedule', 'show', 'shots']);
    expect(shown.stdout).toContain('s3://cat/nights');
  });
});

/** The runs of a schedule, the last first, once so many are over. */
async function historyOf(desk: Desk, server: S3Server, count: number) {
  for (;;) {
    const { stdout } = await run(desk, server, ['schedule', 'list', 'shots', '--json']);
    const [{ history }] = JSON.parse(stdout) as [{ history: ShownRun[] }];
    if (history.length >= count && history.every(({ exit_code: code }) => code !== null)) {
      return history;
    }
    await sleep(300);
  }
}

interface ShownRun {
  state: string;
  out: string;
  exit_code: number | null;
}
