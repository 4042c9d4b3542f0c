import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { test } from '../support/cli.js';
import { startProcess } from '../support/running.js';

const root = new URL('../../', import.meta.url).pathname;
let folder: string;
let tarball: string;

/** A command that has to succeed. */
function run(command: string, parameters: string[], cwd = folder): string {
  const { status, stdout, stderr } = spawnSync(command, parameters, { cwd, encoding: 'utf8' });
  expect(status, `${command} ${parameters.join(' ')}\n${stdout}\n${stderr}`).toBe(0);
  return stdout;
}

/** Somebody's own, beside ours. */
const board = ['@bull-board/api@9', 'bullmq@6'];
const quietly = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];

/** Files of a folder, and what they take of a disk. */
async function weigh(path: string): Promise<{ files: string[]; bytes: number }> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).blocks * 512));
  return { files, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rivya-batch-package-'));
  const [packed] = JSON.parse(
    run(
      'npm',
      ['pack', '--json', '--foreground-scripts=false', '--pack-destination', folder],
      root,
    ),
  ) as [{ filename: string }];
  tarball = join(folder, packed.filename);
  await mkdir(join(folder, 'plain'));
  await writeFile(join(folder, 'plain/package.json'), '{"private":true}');
  run('npm', ['install', ...quietly, '--omit=dev', tarball], join(folder, 'plain'));
  await cp(join(root, 'examples/shop'), join(folder, 'shop'), { recursive: true });
  run('npm', ['install', ...quietly, tarball, 'fastify@5', ...board], join(folder, 'shop'));
}, 900_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the packed tarball', () => {
  test('is what package managers and type checkers expect of one', () => {
    run('npm', ['run', 'lint:package', '--', tarball], root);
    run('npm', ['run', 'types:package', '--', tarball], root);
  });

  test('holds what it needs, each thing once, and nothing else', async () => {
    const installed = join(folder, 'shop/node_modules/rivya-batch');
    const files = (await readdir(installed, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => join(relative(installed, entry.parentPath), entry.name));
    const documents = run('git', ['ls-files', 'docs', 'examples', 'ops'], root).trim().split('\n');
    expect(documents).toContain('docs/recipe.schema.json');
    const papers = ['CHANGELOG.md', 'CONTRIBUTING.md', 'LICENSE', 'NOTICE', 'README.md'];
    expect(files.filter((file) => !file.startsWith('dist/')).toSorted()).toEqual(
      [...documents, ...papers, 'package.json'].toSorted(),
    );
    const built = files.filter((file) => file.startsWith('dist/'));
    const code = built.filter((file) => /\.js$/.test(file) && !/^dist\/bin\/[^/]+$/.test(file));
    // What a browser loads; all else that Node runs is in one place.
    expect(code.filter((file) => !/^dist\/(monitor|review)\//.test(file))).toEqual([]);
    expect(built).toEqual(
      expect.arrayContaining([
        'dist/bin/rivya-batch.js',
        'dist/bin/library.js',
        'dist/rivya/models.json',
      ]),
    );
    expect(built.filter((file) => /\.map$|\.tsx?$|stamp/.test(file))).toEqual([
      'dist/bin/library.d.ts',
    ]);
    const scripts = await readdir(join(root, 'src/ledger/lua'));
    expect(built.filter((file) => file.endsWith('.lua'))).toHaveLength(scripts.length);
  });

  test('is small, and its types need nothing that is not installed with it', async () => {
    const { files, bytes } = await weigh(join(folder, 'plain/node_modules'));
    const packages = files.filter((file) =>
      /(?:^|node_modules\/)(?:@[^/]+\/)?[^@/][^/]*\/package\.json$/.test(file),
    );
    console.info(`installed: ${(bytes / 1e6).toFixed(1)} MB on disk, ${packages.length} packages`);
    expect(bytes).toBeLessThanOrEqual(40e6);
    expect(packages.length).toBeLessThanOrEqual(60);
    const types = await readFile(
      join(folder, 'plain/node_modules/rivya-batch/dist/bin/library.d.ts'),
      'utf8',
    );
    const imported = [...types.matchAll(/from ["']([^"']+)["']|import\(["']([^"']+)["']\)/g)];
    const names = imported.map(([, from, inline]) => from ?? inline);
    expect(names).toEqual(['pino']);
  });

  test('names whatever it holds of others, with its licence', async () => {
    const bin = join(folder, 'plain/node_modules/rivya-batch/dist/bin');
    const named = await readFile(join(bin, 'THIRD-PARTY.txt'), 'utf8');
    const entries = [...named.matchAll(/^(\S+) \d+\.\d+\.\S+ \((.*)\)$/gm)];
    const names = entries.map(([, name]) => name);
    expect(names).toEqual(
      expect.arrayContaining(['bullmq', 'zod', '@bull-board/ui', 'fastify', 'luxon']),
    );
    const permissive =
      /^(MIT|ISC|0BSD|BSD-[23]-Clause|Apache-2\.0|BlueOak-1\.0\.0|Unlicense|CC0-1\.0)$/;
    const others = entries.filter(([, , licence = '']) => {
      return !licence
        .replace(/[()]/g, '')
        .split(' OR ')
        .some((one) => permissive.test(one));
    });
    expect(others.map(([text]) => text)).toEqual([]);
  });

  test('is there for import and for require, and loading it leaves nothing running', () => {
    const names = 'Object.keys(m).sort().join()';
    const exported = 'BatchError,boardQueues,enqueueBatch,openBatch,readManifest,startWorker\n';
    const shop = join(folder, 'shop');
    const esm = `import * as m from 'rivya-batch'; console.log(${names})`;
    expect(run('node', ['--input-type=module', '-e', esm], shop)).toBe(exported);
    const commonJs = `const m = require('rivya-batch'); console.log(${names})`;
    expect(run('node', ['--input-type=commonjs', '-e', commonJs], shop)).toBe(exported);
  });

  test('has types that a strict program compiles with', async () => {
    const shop = join(folder, 'shop');
    await writeFile(
      join(shop, 'typed.mts'),
      `import { enqueueBatch, openBatch, readManifest, startWorker, type ManifestLine } from 'rivya-batch';
const lines: ManifestLine[] = [];
for await (const line of readManifest('out')) lines.push(line);
const queued = await enqueueBatch('spring', [{ id: 'a', prompt: 'A lamp' }], { model: 'z-image' });
if (queued.kind === 'refused') console.log(queued.rejections[0]?.reason);
const batch = await openBatch('spring');
const { counts } = await batch.status();
console.log(counts.succeeded satisfies number);
const worker = await startWorker({ onLine: (line) => console.log(line.brief_id satisfies string) });
await worker.stop();
`,
    );
    const options = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2022'];
    const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')];
    run(join(root, 'node_modules/.bin/tsc'), [...options, ...types, 'typed.mts'], shop);
  });

  test('shows its queues in a Bull Board of the program, with the BullMQ of that', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await writeFile(
      join(folder, 'shop/board.mts'),
      `import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { boardQueues, enqueueBatch } from 'rivya-batch';
await enqueueBatch('spring', [1, 2].map((id) => ({ id: String(id), prompt: 'A lamp' })), { model: 'z-image' });
let shown: readonly BullMQAdapter[] = [];
const board = { replaceQueues: (queues: readonly BullMQAdapter[]) => { shown = queues; } };
const watch = await boardQueues({ board, adapt: (queue) => new BullMQAdapter(queue) });
for (const queue of shown) console.log(queue.getName(), (await queue.getJobCounts()).waiting);
await watch.close();
`,
    );
    const options = ['--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2022'];
    const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')];
    const shop = join(folder, 'shop');
    run(join(root, 'node_modules/.bin/tsc'), [...options, ...types, 'board.mts'], shop);
    const shown = await startProcess([join(shop, 'board.mjs')], {
      input: '',
      folder: shop,
      environment: desk.environment,
    }).finished;
    expect(shown.stderr).toBe('');
    expect(shown.stdout).toBe('spring.submit 2\nspring.status 0\nspring.collect 0\n');
  });

  test('makes a picture of each new product of the example shop, paid once', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    const shop = spawn(process.execPath, ['shop.js'], {
      cwd: join(folder, 'shop'),
      env: { ...desk.environment, PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [line] = (await once(shop.stdout, 'data')) as [Buffer];
      const origin = line.toString().trim();
      for (const [index, title] of ['Lamp', 'Chair'].entries()) {
        const answer = await fetch(`${origin}/products`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ sku: `sku-${index}`, title }),
        });
        expect(answer.status).toBe(202);
      }
      for (const sku of ['sku-0', 'sku-1']) {
        const look = () => fetch(`${origin}/products/${sku}/picture`);
        let picture = await look();
        for (; picture.status === 404; picture = await look()) await sleep(100);
        expect(picture.headers.get('content-type')).toMatch(/^image\//);
        expect((await picture.arrayBuffer()).byteLength).toBeGreaterThan(0);
      }
      expect(desk.simulator.bill()).toMatchObject({ total: { tasks: 2 }, billedTwice: [] });
      shop.kill('SIGTERM');
      expect(await once(shop, 'exit')).toEqual([0, null]);
    } finally {
      shop.kill('SIGKILL');
    }
  });

  test('has the command, with the version of its package', async () => {
    const shop = join(folder, 'shop');
    const { version } = JSON.parse(
      await readFile(join(shop, 'node_modules/rivya-batch/package.json'), 'utf8'),
    ) as { version: string };
    expect(run(join(shop, 'node_modules/.bin/rivya-batch'), ['--version'], shop)).toBe(
      `${version}\n`,
    );
  });
});
