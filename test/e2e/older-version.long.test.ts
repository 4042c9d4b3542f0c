import { execFile } from 'node:child_process';
import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import type { Desk } from '../support/cli.js';
import { fast, test } from '../support/cli.js';

/**
 * A simulated batch of 16 briefs that the version of 2026-11-29 began, in /srv/catalog: killed together with its Redis
 * when 5 had their line, 3 a task, and 8 waited.
 */
const begun = new URL('../fixtures/begun-by-0.1.tar.gz', import.meta.url).pathname;
const input = ['in.csv', '--id', 'sku', '--model', 'z-image'];
const words = ['run', ...input, '--out', 'out', '--simulate', ...fast];
const options = { environment: { RIVYA_API_KEY: '', RIVYA_BASE_URL: '' } };

async function unpack(desk: Desk): Promise<string[]> {
  await promisify(execFile)('tar', ['-xzf', begun, '-C', desk.folder]);
  await rename(join(desk.folder, 'home'), join(desk.folder, '.rivya-batch'));
  const kept = join(desk.folder, '.rivya-batch', 'simulated', '762069bc07a6e1b5.jsonl');
  const tasks = (await readFile(kept, 'utf8')).split('\n').filter(Boolean);
  return tasks.map((line) => (JSON.parse(line) as { task: { id: string } }).task.id);
}

async function expectWhole(desk: Desk, paid: string[]): Promise<void> {
  const lines = await desk.lines('out');
  expect(lines.map(({ status, attempt }) => `${status} ${attempt}`)).toEqual(
    Array.from({ length: 16 }, () => 'succeeded 1'),
  );
  const tasks = lines.map(({ task_id: id }) => id);
  expect(new Set(tasks).size).toBe(16);
  expect(tasks).toEqual(expect.arrayContaining(paid));
  const verified = await desk.run(['verify', 'out']);
  expect(verified.code, verified.stderr + verified.stdout).toBe(0);
}

test('S1, S3: a batch that the version before began is gone on with', async ({ openDesk }) => {
  const desk = await openDesk({ redis: 'private' });
  const paid = await unpack(desk);
  expect(paid).toHaveLength(8);
  const went = await desk.run(words, options);
  expect(went.code, went.stderr).toBe(0);
  await expectWhole(desk, paid);
});

test('S1, S3: a folder of the version before is gone on with where its Redis is lost', async ({
  openDesk,
}) => {
  const desk = await openDesk({ redis: 'private' });
  const paid = await unpack(desk);
  await rm(join(desk.folder, '.rivya-batch', 'redis'), { recursive: true });
  const went = await desk.run(words, options);
  expect(went.code, went.stderr).toBe(0);
  await expectWhole(desk, paid);
});
