import { appendFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { mapping, productsCsv, test } from '../support/cli.js';

const part = '.0b5d3c1e-7a52-4c5e-9d52-0a4f3e2b1c0d.part';

describe.concurrent('prune', () => {
  test('clears away what is finished and old, says before what would go, and leaves all else (S3, S5)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(2));
    const run = ['run', 'in.csv', '--out', 'out', ...mapping];
    expect((await desk.run(run)).code).toBe(0);
    await desk.run(['enqueue', 'in.csv', '--batch', 'queued', ...mapping]);
    const assets = join(desk.folder, 'out/assets');
    await writeFile(join(assets, part), 'abc');
    await writeFile(join(assets, 'mine.psd'), 'abc');
    const before = await readdir(assets);

    const young = await desk.run(['prune']);
    expect(young).toMatchObject({ code: 0, stdout: 'There is nothing to delete.\n' });
    expect(young.stderr).toMatch(
      /1 batch ended less than 30 days ago \(--older-than\)\.\n.*"queued" stays: it is not finished/,
    );

    const all = ['prune', '--older-than', '0d', '--files'];
    const dry = await desk.run([...all, '--dry-run', '--json']);
    expect(dry.code).toBe(0);
    const [out, queued] = JSON.parse(dry.stdout).batches;
    expect(out).toMatchObject({ batch: 'out', stays: null, what: 'leftovers' });
    expect(out.redis_bytes).toBeGreaterThan(500);
    expect(queued).toMatchObject({ batch: 'queued', stays: 'it is not finished' });
    expect(await readdir(assets)).toEqual(before);
    expect((await desk.run(['status', 'out'])).code).toBe(0);

    // Nobody is there to be asked.
    expect((await desk.run(all)).code).toBe(2);
    const done = await desk.run([...all, '--yes']);
    expect(done).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Deleted: 1 batch from Redis'),
    });
    expect(await readdir(assets)).toEqual(before.filter((name) => name !== part));
    expect((await desk.run(['verify', 'out'])).code).toBe(0);
    expect((await desk.run(['status', 'out'])).code).toBe(2);
    expect((await desk.run(['status', 'queued'])).code).toBe(0);

    // The folder is the record: nothing is paid again.
    expect((await desk.run(run)).code).toBe(0);
    expect(desk.simulator.bill().total.tasks).toBe(2);
  });

  test('of what is named, all results go; what is open, or no batch, is refused', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(2));
    expect((await desk.run(['run', 'in.csv', '--out', 'out', ...mapping])).code).toBe(0);
    await desk.run(['enqueue', 'in.csv', '--batch', 'queued', '--out', 'queued', ...mapping]);
    await mkdir(join(desk.folder, 'empty'));
    await appendFile(join(desk.folder, 'out/notes.txt'), 'mine');
    expect((await desk.run(['prune', 'empty', '--files', '--yes'])).code).toBe(2);
    expect((await desk.run(['prune', 'nothing', '--files', '--yes'])).code).toBe(2);
    const refused = await desk.run(['prune', 'queued', 'out', '--files', '--yes']);
    expect(refused).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Batch "queued" stays: it is not finished.'),
    });
    expect(await readdir(join(desk.folder, 'out'))).toEqual(['notes.txt']);
    expect(await readdir(join(desk.folder, 'queued'))).not.toEqual([]);
    expect((await desk.run(['status', 'queued'])).code).toBe(0);
    expect((await desk.run(['status', 'out'])).code).toBe(2);
  });
});
