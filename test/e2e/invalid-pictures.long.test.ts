import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { thumbnailPath } from '../../src/pictures/thumbnails.js';
import { type Desk, fast, mapping, productsCsv, test } from '../support/cli.js';

const run = ['run', 'in.csv', '--out', 'out', ...mapping, ...fast];
const api = { speed: Number.POSITIVE_INFINITY, tinyMedia: false };

const tasksOf = (desk: Desk) => desk.simulator.bill().total.tasks;
const aside = (desk: Desk) => readdir(join(desk.folder, 'out', 'aside')).catch(() => []);
const statuses = async (desk: Desk) =>
  Object.fromEntries((await desk.lines('out')).map((line) => [line.brief_id, line.status]));

test('S1 S4 S5: pictures that are none are kept aside and paid again only on request; one that was cut short on its way is fetched again', async ({
  openDesk,
}) => {
  const desk = await openDesk({
    ...api,
    faults: [
      'download-bad-picture=flat:prompt=Product 2',
      'download-bad-picture=cut:1x:prompt=Product 3',
    ],
  });
  await desk.write('in.csv', productsCsv(4));
  const first = await desk.run(run);
  expect(first.code, first.stderr).toBe(3);
  expect(await statuses(desk)).toEqual({
    ...{ '00001': 'succeeded', '00002': 'failed', '00003': 'succeeded', '00004': 'succeeded' },
  });
  const failed = (await desk.lines('out')).find(({ status }) => status === 'failed');
  expect(failed).toMatchObject({
    error: { code: 'asset_invalid', message: expect.stringContaining('is one flat colour') },
    credits: { final: 1 },
    assets: [{ path: 'aside/00002~try1.png', width: 640, height: 640 }],
  });
  for (const { assets } of await desk.lines('out')) {
    const [{ path, sha256 } = { path: '', sha256: '' }] = assets;
    const content = await readFile(join(desk.folder, 'out', path));
    expect(createHash('sha256').update(content).digest('hex')).toBe(sha256);
    await readFile(join(desk.folder, 'out', thumbnailPath(sha256)));
  }
  // Nothing of it is sent or paid by itself.
  const again = await desk.run(run);
  expect(again.stdout).toMatch(/nothing was sent or spent/);
  expect(tasksOf(desk)).toBe(4);
  expect((await desk.run(['verify', 'out'])).code).toBe(0);

  desk.simulator.control({ faults: [] });
  const retried = await desk.run(['retry', 'out', '--code', 'asset_invalid', '--yes', '--run']);
  expect(retried.code, retried.stderr).toBe(0);
  expect(tasksOf(desk)).toBe(5);
  const made = (await desk.lines('out')).find(({ brief_id: id }) => id === '00002');
  expect(made).toMatchObject({ status: 'succeeded', attempt: 2, assets: [{ width: 640 }] });
  // What was looked at stays, as the history names it.
  expect(await aside(desk)).toEqual(['00002~try1.png']);
  const verified = await desk.run(['verify', 'out', '--json']);
  expect(JSON.parse(verified.stdout)).toMatchObject({ ok: true, problems: [], warnings: [] });
});

test('S5: verify finds what has happened to a file that was kept aside', async ({ openDesk }) => {
  const desk = await openDesk({ ...api, faults: ['download-bad-picture=flat'] });
  await desk.write('in.csv', productsCsv(1));
  expect((await desk.run(run)).code).toBe(3);
  await desk.write('out/aside/left.png', 'left');
  await desk.write('out/aside/00001~try1.png', 'another');
  const verified = await desk.run(['verify', 'out', '--json']);
  expect(verified.code).toBe(1);
  expect(JSON.parse(verified.stdout)).toMatchObject({
    problems: [{ code: 'asset_bytes_differ', path: 'aside/00001~try1.png' }],
    warnings: [{ code: 'left_over', path: 'aside/left.png' }],
  });
});

test('S1: pictures below --min-size are none, for whoever collects, until that is lifted', async ({
  openDesk,
}) => {
  const desk = await openDesk(api);
  await desk.write('in.csv', productsCsv(1));
  const queued = ['enqueue', ...run.slice(1), '--min-size', '800x600'].filter(
    (word) => !fast.includes(word),
  );
  expect((await desk.run(queued)).code).toBe(0);
  // Of a run that does not say it, too: it is the batch's.
  expect((await desk.run(run)).code).toBe(3);
  const [line] = await desk.lines('out');
  expect(line?.error).toMatchObject({
    code: 'asset_invalid',
    message: expect.stringContaining('has 640x640 pixels, and at least 800x600 are wanted'),
  });
  await desk.write('in.csv', productsCsv(2));
  expect((await desk.run([...run, '--min-size', 'none'])).code).toBe(3);
  expect(await statuses(desk)).toEqual({ '00001': 'failed', '00002': 'succeeded' });
  expect(tasksOf(desk)).toBe(2);
  const wrong = await desk.run([...run, '--min-size', '800']);
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain('512x512');
});
