import { cp, link, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { clearBatch, forgetFinished, standing } from '../../src/batch/clear-batch.js';
import { clearFolder, surveyFolder } from '../../src/results/clear-folder.js';
import { manifestLine } from '../shared/manifest-lines.js';
import { openBatchDesk } from './batch-desk.js';

const keysOf = (desk: Awaited<ReturnType<typeof openBatchDesk>>) =>
  desk.redis.keys(`${desk.prefix}*:spring*`);

const part = '.0b5d3c1e-7a52-4c5e-9d52-0a4f3e2b1c0d.part';

/** A folder with files of every kind beside the records of a finished batch. */
async function openFilledFolder() {
  const desk = await openBatchDesk();
  const batch = await desk.run(['a,fox', 'b,owl']);
  const { out } = desk;
  const asset = (path: string) => ({
    path,
    bytes: 3,
    sha256: '0'.repeat(64),
    media_type: 'image/png',
  });
  const lines = [
    manifestLine({
      brief_id: 'a',
      batch: 'spring',
      attempt: 2,
      assets: [asset('assets/a~try2.png')],
    }),
    manifestLine({
      ...{ brief_id: 'b', batch: 'spring', status: 'failed', assets: [asset('aside/b.png')] },
    }),
  ];
  const before = manifestLine({
    ...{ brief_id: 'a', batch: 'spring', assets: [asset('assets/a.png')] },
    aside: [asset('aside/a-1.png')],
  });
  const text = (all: readonly object[]) => all.map((line) => `${JSON.stringify(line)}\n`).join('');
  await writeFile(join(out, 'manifest.jsonl'), text(lines));
  await writeFile(join(out, 'history.jsonl'), text([before]));
  for (const folder of ['assets', 'aside', 'approved', '.thumbnails/00'])
    await mkdir(join(out, folder), { recursive: true });
  const hash = '0'.repeat(64);
  for (const name of [
    ...['assets/a.png', 'assets/a~try2.png', `assets/${part}`, 'assets/mine.psd', 'aside/b.png'],
    ...['aside/a-1.png', 'approved/a.png', `.thumbnails/00/${hash}.webp`, 'notes.txt'],
    ...[`manifest.csv${part}`, 'contact-sheet-2.html', 'decisions.jsonl'],
  ]) {
    await writeFile(join(out, name), 'abc');
  }
  const files = async () =>
    (await readdir(out, { recursive: true, withFileTypes: true }))
      .filter((entry) => !entry.isDirectory())
      .map(({ parentPath, name }) => join(parentPath, name).slice(out.length + 1))
      .sort();
  return { ...desk, batch, files };
}

describe('what of a folder goes', () => {
  it('S5: of a kept one, nothing that a line of its manifest promises, and nothing of somebody else', async () => {
    const { out, files } = await openFilledFolder();
    const before = await files();
    const share = await surveyFolder(out, 'leftovers');
    expect(await files()).toEqual(before);
    expect(await clearFolder(out, 'leftovers')).toEqual(share);
    const gone = ['assets/a.png', `assets/${part}`, 'aside/a-1.png', `manifest.csv${part}`];
    gone.push(`.thumbnails/00/${'0'.repeat(64)}.webp`);
    expect(share).toEqual({ files: 5, bytes: 15 });
    expect(await files()).toEqual(before.filter((name) => !gone.includes(name)));
  });

  it('S5: where a line cannot be read, no file that it may have promised goes', async () => {
    const { out, files } = await openFilledFolder();
    await writeFile(join(out, 'manifest.jsonl'), '{"brief_id":"a"\n');
    await clearFolder(out, 'leftovers');
    expect(await files()).toContain('assets/a.png');
    expect(await files()).not.toContain(`assets/${part}`);
  });

  it('with its results, all that is ours; what was approved and what is not ours stays', async () => {
    const { out, files } = await openFilledFolder();
    await clearFolder(out, 'results');
    expect(await files()).toEqual(['approved/a.png', 'assets/mine.psd', 'notes.txt']);
    expect(await clearFolder(out, 'results')).toEqual({ files: 0, bytes: 0 });
  });

  it('a folder of nothing else is gone, and links out of it lead to nothing that goes', async () => {
    const { out, files, file } = await openFilledFolder();
    for (const name of ['approved', 'notes.txt', 'assets', 'aside'])
      await rm(join(out, name), { recursive: true });
    const elsewhere = join(file, '..', 'elsewhere');
    await mkdir(elsewhere);
    await writeFile(join(elsewhere, 'a.png'), 'abc');
    await symlink(elsewhere, join(out, 'assets'));
    await clearFolder(out, 'results');
    expect(await readdir(elsewhere)).toEqual(['a.png']);
    expect(await files()).toEqual(['assets']);
    await rm(join(out, 'assets'));
    await clearFolder(out, 'results');
    await expect(readdir(out)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('a file that another night shows as well frees nothing', async () => {
    const { out, file } = await openFilledFolder();
    const before = await surveyFolder(out, 'results');
    await link(join(out, 'assets/a~try2.png'), join(file, '..', 'next-night.png'));
    const { files, bytes } = await surveyFolder(out, 'results');
    expect({ files, bytes }).toEqual({ files: before.files, bytes: before.bytes - 3 });
  });
});

describe('forgetting', () => {
  it('leaves no key of a batch that is over, and nobody who is told of it', async () => {
    const desk = await openBatchDesk();
    await desk.run(['a,fox', 'bad,owl']);
    await desk.account.messages.listen('batch spring', {
      ...{ url: 'https://example.com/secret', on: ['finished'], network: 'any', trust: 'unsigned' },
    });
    expect(await forgetFinished(desk, 'spring')).toMatchObject({ kind: 'forgotten' });
    expect(await keysOf(desk)).toEqual([]);
    expect(await desk.redis.smembers(`${desk.prefix}:batches`)).not.toContain('spring');
    expect(await desk.account.messages.webhooks(['batch spring'])).toEqual([null]);
    expect(await forgetFinished(desk, 'spring')).toEqual({ kind: 'unknown' });
  });

  it('S3: changes nothing of one that is open, or is opened again at that moment', async () => {
    const desk = await openBatchDesk();
    const opened = await desk.open(['a,fox']);
    await desk.admit(opened);
    const before = (await keysOf(desk)).sort();
    expect(await forgetFinished(desk, 'spring')).toMatchObject({ kind: 'open' });
    expect((await keysOf(desk)).sort()).toEqual(before);
    expect(await opened.ledger.forgetOver()).toBe('open');
    await desk.finish(opened);
    await opened.ledger.set({ admission: 'open' });
    expect(await opened.ledger.forgetOver()).toBe('open');
    expect(await opened.ledger.meta()).not.toBeNull();
  });

  it('S4: a line that is not in the manifest yet keeps its batch', async () => {
    const { ledger, redis } = await openBatchDesk();
    await ledger.set({ admission: 'complete' });
    await redis.rpush(ledger.keys.outbox, '{}');
    expect(await ledger.forgetOver()).toBe('open');
    await redis.del(ledger.keys.outbox);
    expect(await ledger.forgetOver()).toBe('forgotten');
  });
});

describe('clearing a batch away', () => {
  it('takes state and results, and is gone on with where a kill left the folder without the state', async () => {
    const { out, file, redis, prefix, run } = await openBatchDesk();
    await run(['a,fox']);
    const spring = { batch: 'spring', folder: out };
    expect(await clearBatch({ redis, prefix }, { ...spring, batch: 'other' }, 'results')).toEqual({
      ...{ kind: 'not_its_folder', owner: 'spring' },
    });
    await forgetFinished({ redis, prefix }, 'spring');
    await rm(join(out, 'manifest.jsonl'));
    expect(await clearBatch({ redis, prefix }, spring, 'results')).toMatchObject({
      kind: 'cleared',
    });
    expect(await readdir(join(file, '..'))).toEqual(['in.csv']);
  });

  it('S3: leaves a folder alone on which another Redis works', async () => {
    const desk = await openBatchDesk();
    const elsewhere = { redis: desk.redis, prefix: `${desk.prefix}x` };
    const spring = { batch: 'spring', folder: desk.out };
    const opened = await desk.run(['a,fox', 'bad,owl']);
    expect(await standing(elsewhere, spring)).toBe('over');
    await desk.retry(opened);
    expect(await standing(elsewhere, spring)).toBe('open');
    expect(await clearBatch(elsewhere, spring, 'results')).toEqual({ kind: 'open' });
    expect(await clearBatch(desk, spring, 'results')).toEqual({ kind: 'open' });
    expect(await readdir(desk.out)).toContain('manifest.jsonl');
  });

  it('S3: leaves one alone that was begun again elsewhere since its report', async () => {
    const desk = await openBatchDesk();
    const elsewhere = { redis: desk.redis, prefix: `${desk.prefix}x` };
    const spring = { batch: 'spring', folder: desk.out };
    await desk.run(['a,fox']);
    await desk.admit(await desk.open(['a,fox', 'b,owl']));
    expect(await standing(elsewhere, spring)).toBe('open');
  });

  it('S3: leaves the batch alone that Redis has under this name in another folder', async () => {
    const desk = await openBatchDesk();
    const { ledger } = await desk.run(['a,fox']);
    const copy = join(desk.file, '..', 'copy');
    await cp(desk.out, copy, { recursive: true });
    const cleared = await clearBatch(desk, { batch: 'spring', folder: copy }, 'results');
    expect(cleared).toMatchObject({ kind: 'cleared' });
    expect(await ledger.meta()).toMatchObject({ stage: 'finished' });
    expect((await readdir(join(desk.file, '..'))).sort()).toEqual(['in.csv', 'out']);
  });
});
