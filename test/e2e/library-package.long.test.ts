import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { test } from '../support/cli.js';

const root = new URL('../../', import.meta.url).pathname;
let folder: string;
let tarball: string;

/** A command that has to succeed. */
function run(command: string, parameters: string[], cwd = folder): string {
  const { status, stdout, stderr } = spawnSync(command, parameters, { cwd, encoding: 'utf8' });
  expect(status, `${command} ${parameters.join(' ')}\n${stdout}\n${stderr}`).toBe(0);
  return stdout;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rivya-batch-package-'));
  const [packed] = JSON.parse(
    run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root),
  ) as [{ filename: string }];
  tarball = join(folder, packed.filename);
  await cp(join(root, 'examples/shop'), join(folder, 'shop'), { recursive: true });
  await writeFile(join(folder, 'shop/.npmrc'), 'audit=false\nfund=false\nignore-scripts=true\n');
  run('npm', ['install', tarball, 'fastify@5'], join(folder, 'shop'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the packed tarball', () => {
  test('is what package managers and type checkers expect of one', () => {
    run('npm', ['run', 'lint:package', '--', tarball], root);
    run('npm', ['run', 'types:package', '--', tarball], root);
  });

  test('holds what it needs and nothing of tests, benchmarks or sources', async () => {
    const installed = join(folder, 'shop/node_modules/rivya-batch');
    expect((await readdir(installed)).toSorted()).toEqual(
      ['CHANGELOG.md', 'CONTRIBUTING.md', 'LICENSE', 'NOTICE', 'README.md', 'dist', 'docs']
        .concat(['examples', 'package.json'])
        .toSorted(),
    );
    const files = await readdir(installed, { recursive: true });
    expect(files.filter((file) => /\.test\.|\.tsx?$/.test(file) && !/\.d\.ts$/.test(file))).toEqual(
      [],
    );
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
