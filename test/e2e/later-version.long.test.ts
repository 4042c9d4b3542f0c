import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect } from 'vitest';
import { type Desk, fast, mapping, productsCsv, test } from '../support/cli.js';
import { startServer } from '../support/redis-server.js';
import { type Finished, startProcess } from '../support/running.js';

const root = new URL('../../', import.meta.url).pathname;
const begunEarlier = join(root, 'test/fixtures/begun-by-0.1.tar.gz');
/** A program that knows one format more than this one, and is otherwise the same. */
let later: string;

beforeAll(async () => {
  later = await mkdtemp(join(tmpdir(), 'rivya-batch-later-'));
  await cp(join(root, 'dist'), join(later, 'dist'), { recursive: true });
  for (const name of ['node_modules', 'package.json'])
    await symlink(join(root, name), join(later, name));
  // Once as a module of its own, once in the bundle.
  const format = /\bstateFormat ?= ?1;/;
  let patched = 0;
  for (const file of await readdir(join(later, 'dist'), { recursive: true })) {
    if (!file.endsWith('.js')) continue;
    const path = join(later, 'dist', file);
    const code = await readFile(path, 'utf8');
    if (!format.test(code)) continue;
    await writeFile(path, code.replace(format, 'stateFormat = 2;'));
    patched += 1;
  }
  expect(patched).toBe(2);
});
afterAll(() => rm(later, { recursive: true, force: true }));

function runLater(
  desk: Desk,
  parameters: string[],
  more: Record<string, string> = {},
): Promise<Finished> {
  const { folder, environment } = desk;
  return startProcess([join(later, 'dist/bin/rivya-batch.js'), ...parameters], {
    input: '',
    folder,
    environment: { ...environment, ...more },
  }).finished;
}

/** Every file below a folder, with what is in it. */
async function bytesIn(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const hashed = files.sort().map(async (path) => {
    const digest = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
    return [path, digest] as const;
  });
  return Object.fromEntries(await Promise.all(hashed));
}

async function everyKey(redis: Redis): Promise<Record<string, string>> {
  const names = (await redis.keys('*')).sort();
  const dumped = names.map(
    async (name) => [name, (await redis.dumpBuffer(name))?.toString('hex') ?? ''] as const,
  );
  return Object.fromEntries(await Promise.all(dumped));
}

const refusal = /A later version of rivya-batch has written .* Update rivya-batch/;

test('what a later version has in Redis is refused by each command, and nothing of it is touched', async ({
  openDesk,
}) => {
  const desk = await openDesk();
  const server = await startServer();
  const environment = { REDIS_URL: `unix://${server.socket}` };
  const redis = new Redis({ path: server.socket });
  try {
    await desk.write('in.csv', productsCsv(3));
    const run = ['run', 'in.csv', '--out', 'out', ...mapping, ...fast];
    const made = await runLater(desk, run, environment);
    expect(made.code, made.stderr).toBe(0);

    const before = [await everyKey(redis), await bytesIn(desk.folder)];
    expect(Object.keys(before[0] ?? {}).length).toBeGreaterThan(3);
    const monitor = await redis.monitor();
    const seen = new Set<string>();
    monitor.on('monitor', (_time: string, [name = '']: string[]) => seen.add(name.toLowerCase()));
    // Each has a home of its own, in which it may note which models there are.
    const ownHome = join(desk.folder, 'own-home');
    // Another folder: what is in Redis alone has to keep them off.
    for (const parameters of [
      ['run', 'in.csv', '--out', 'elsewhere', '--batch', 'other', ...mapping],
      ['enqueue', 'in.csv', '--batch', 'other', ...mapping],
      ['worker', '--out', 'elsewhere'],
      ['status'],
      ['retry', 'out', '--yes'],
      ['cancel', 'out', '--yes'],
      ['forget', 'out'],
      ['schedule', 'list'],
      ['monitor', '--port', '0'],
    ]) {
      const { code, stderr } = await desk.run(parameters, {
        environment: { ...environment, MONITOR_PASSWORD: 'a long word', RIVYA_BATCH_HOME: ownHome },
      });
      expect(stderr, parameters.join(' ')).toMatch(refusal);
      expect(code, stderr).toBe(2);
    }
    const looked = await desk.run(['doctor'], {
      environment: { ...environment, RIVYA_BATCH_HOME: ownHome },
    });
    expect(looked.stdout + looked.stderr).toMatch(/A later version of rivya-batch has written/);
    expect(looked.code).not.toBe(0);
    monitor.disconnect();
    const asked = ['client', 'config', 'get', 'hello', 'info', 'ping', 'time'];
    expect([...seen].filter((name) => !asked.includes(name))).toEqual([]);
    expect(seen).toContain('get');
    const after = await bytesIn(desk.folder);
    for (const path of Object.keys(after)) if (path.startsWith(ownHome)) delete after[path];
    expect([await everyKey(redis), after]).toEqual(before);
    expect(desk.simulator.bill().total.tasks).toBe(3);
  } finally {
    redis.disconnect();
    await server.stop();
  }
});

test('so is what it has in a folder of results, where its Redis is another one', async ({
  openDesk,
}) => {
  const desk = await openDesk();
  await desk.write('in.csv', productsCsv(3));
  const run = ['run', 'in.csv', '--out', 'out', ...mapping, ...fast];
  expect((await runLater(desk, run)).code).toBe(0);
  const before = await bytesIn(join(desk.folder, 'out'));
  const environment = { RIVYA_BATCH_PREFIX: `${desk.environment.RIVYA_BATCH_PREFIX}-other` };
  for (const parameters of [
    run,
    ['check', 'in.csv', '--out', 'out', ...mapping],
    ['enqueue', 'in.csv', '--out', 'out', ...mapping],
    ['verify', 'out'],
    ['manifest', 'out'],
    ['sheet', 'out'],
    ['costs', 'out'],
    ['review', 'out', '--apply', '--yes'],
  ]) {
    const { code, stdout, stderr } = await desk.run(parameters, { environment });
    expect(stderr, `${parameters.join(' ')}\n${stdout}`).toMatch(refusal);
    expect(code, stderr).toBe(2);
  }
  expect(await bytesIn(join(desk.folder, 'out'))).toEqual(before);
  expect(desk.simulator.bill().total.tasks).toBe(3);
});

test('a later version goes on with what this one and those before have, and marks it as its own', async ({
  openDesk,
}) => {
  const desk = await openDesk({ redis: 'private' });
  await promisify(execFile)('tar', ['-xzf', begunEarlier, '-C', desk.folder]);
  const home = join(desk.folder, '.rivya-batch');
  await rename(join(desk.folder, 'home'), home);
  const input = ['in.csv', '--id', 'sku', '--model', 'z-image'];
  const run = ['run', ...input, '--out', 'out', '--simulate', ...fast];
  const simulated = { RIVYA_API_KEY: '', RIVYA_BASE_URL: '' };
  const went = await runLater(desk, run, simulated);
  expect(went.code, went.stderr).toBe(0);
  expect(await desk.lines('out')).toHaveLength(16);

  const before = await bytesIn(desk.folder);
  expect(Object.keys(before).filter((path) => path.endsWith('/.format'))).toEqual([
    join(home, '.format'),
    join(desk.folder, 'out/.format'),
  ]);
  // The private Redis is not even started: that would write to its files.
  for (const parameters of [run, ['status'], ['check', ...input], ['models']]) {
    const { code, stderr } = await desk.run(parameters, { environment: simulated });
    expect(stderr, parameters.join(' ')).toMatch(refusal);
    expect(code).toBe(2);
  }
  expect(await bytesIn(desk.folder)).toEqual(before);
});
