import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AccountLedger } from '../../src/ledger/account-ledger.js';
import { BatchLedger } from '../../src/ledger/batch-ledger.js';
import type { ManifestLine } from '../../src/shared/manifest-line.js';
import { manifestLine } from '../shared/manifest-lines.js';
import { identity, openLedger } from '../support/ledger.js';
import { temporaryFolder } from '../worker/stages/stage-bench.js';
import { openMonitor } from './open-monitor.js';

const hostile = `<script>alert(1)</script>"'&`;
const sha256 = 'ab'.repeat(32);
const picture = { path: 'assets/a.png', bytes: 3, sha256, media_type: 'image/png' };

type Opened = Awaited<ReturnType<typeof openLedger>>;

/** A batch that is over, as its folder has it; the ledger has nothing but its record, and where its briefs stand. */
async function finishedBatch(
  { redis, prefix }: Opened,
  batch: string,
  lines: Partial<ManifestLine>[],
  record: Record<string, string | number> = {},
) {
  const ledger = new BatchLedger(
    redis,
    prefix,
    batch,
    new AccountLedger(redis, prefix, 'account-1'),
  );
  const out = join(await temporaryFolder(), batch);
  await mkdir(out);
  const written = lines.map((line) => manifestLine({ batch, ...line }));
  const text = written.map((line) => `${JSON.stringify(line)}\n`).join('');
  await writeFile(join(out, 'manifest.jsonl'), text);
  await ledger.open({ ...identity, out });
  await ledger.set({ admission: 'complete', admitted: lines.length, ...record });
  for (const { status, brief_id: id } of written) {
    await redis.hincrby(ledger.keys.meta, `lines:${status}`, 1);
    if (record.shelved === undefined) {
      await redis.hset(ledger.keys.state, id, `lined|1|ab|1,${status}`);
    }
  }
  return { ledger, out };
}

/** What a page has found: briefs by their batches, in the order of the page. */
function foundIn(text: string): string[] {
  return [...text.matchAll(/<a href="\/brief\?([^"]*)"><span class="name">/g)].map(
    ([, query = '']) => {
      const asked = new URLSearchParams(query.replaceAll('&amp;', '&'));
      return `${asked.get('batch')}/${asked.get('id')}`;
    },
  );
}

describe('finding briefs', () => {
  it('shows results with prompt, date and picture, by words, by how they ended, and by batch', async () => {
    const opened = await openLedger();
    await opened.admit('waiting fox');
    await opened.ledger.markAdmission('complete');
    const times = (collected: string) => ({ ...manifestLine({}).times, collected });
    await finishedBatch(opened, 'catalog', [
      {
        brief_id: 'a',
        prompt: 'A red fox in deep snow',
        assets: [picture],
        times: times('2026-11-20T10:00:00.000Z'),
      },
      { brief_id: 'b', prompt: hostile, times: times('2026-11-21T11:00:00.000Z') },
      {
        ...{ brief_id: 'c', prompt: 'A grey fox', status: 'failed', assets: [] },
        error: { code: 'nsfw', message: 'no', request_id: null },
        times: times('2026-11-22T12:00:00.000Z'),
      },
    ]);
    // Long over: its briefs have left Redis.
    await finishedBatch(opened, 'old', [{ brief_id: 'z', prompt: 'The fox of old', assets: [] }], {
      shelved: 0,
      createdAt: 5,
    });
    const { get } = await openMonitor({}, opened);
    const find = async (query: Record<string, string>) => {
      const answer = await get(`/find?${new URLSearchParams(query)}`);
      expect([query, answer.status]).toEqual([query, 200]);
      expect(answer.text).not.toContain('<script>alert');
      return { ...answer, found: foundIn(answer.text) };
    };

    const foxes = await find({ text: 'FOX' });
    expect(foxes.found.sort()).toEqual(['catalog/a', 'catalog/c', 'old/z', 'spring/waiting fox']);
    const { found, text } = await find({ text: 'snow fox', batch: 'catalog' });
    expect(found).toEqual(['catalog/a']);
    expect(text).toContain(`<img src="/review/catalog/thumbnails/${sha256}.webp"`);
    expect(text).toContain('<p class="prompt">A red fox in deep snow</p>');
    expect(text).toContain('<time>2026-11-20 10:00:00 UTC</time>');
    // The latest first.
    expect((await find({ batch: 'catalog' })).found).toEqual([
      'catalog/c',
      'catalog/b',
      'catalog/a',
    ]);
    expect((await find({ status: 'failed' })).found).toEqual(['catalog/c']);
    expect((await find({ status: 'succeeded', text: 'fox' })).found.sort()).toEqual([
      'catalog/a',
      'old/z',
    ]);
    expect((await find({ status: 'open' })).found).toEqual(['spring/waiting fox']);
    expect((await find({ status: 'open' })).text).toContain(
      '<p class="prompt">A fox in the snow</p>',
    );
    expect((await find({ text: 'nsfw', batch: 'catalog' })).found).toEqual(['catalog/c']);
    expect((await find({ text: hostile })).found).toEqual(['catalog/b']);
    expect((await find({ text: 'wolf' })).text).toContain('None was found');
    const nothingAsked = await find({});
    expect(nothingAsked.found).toEqual([]);
    expect(nothingAsked.text).toContain('<option value="catalog">catalog</option>');
    expect((await get('/find?status=dancing')).status).toBe(400);

    // What is not looked through is told.
    expect((await find({ text: 'fox' })).text).not.toContain('not on this machine');
    const { ledger } = await openLedger({ batch: 'old', prefix: opened.prefix });
    await ledger.set({ out: 's3://shop/old' });
    const foxText = async () => (await find({ text: 'fox' })).text;
    await expect.poll(foxText, { timeout: 5_000 }).toContain('found by its id alone: old.');
    expect((await find({ text: 'fox' })).found).not.toContain('old/z');
  });

  it('looks through all batches, however many are over, and stops where enough are found', async () => {
    const opened = await openLedger();
    const { redis, prefix } = opened;
    const account = new AccountLedger(redis, prefix, 'account-1');
    for (let number = 0; number < 101; number += 1) {
      const ledger = new BatchLedger(redis, prefix, `night-${number}`, account);
      await ledger.open({ ...identity, createdAt: 1_000 + number });
      await ledger.markAdmission('complete');
    }
    const many = Array.from({ length: 60 }, (_, index) => ({
      brief_id: `sku-${index}`,
      prompt: 'lamp',
    }));
    await finishedBatch(opened, 'first', [...many, { brief_id: 'rare', prompt: 'A rare owl' }], {
      createdAt: 1,
    });
    // Time does not pass for it: on a busy machine, too, it looks to the end.
    const atMs = Date.now();
    const { get } = await openMonitor({ clock: { now: () => atMs } }, opened);
    expect((await get('/')).text).not.toContain('>first</a>');
    expect(foundIn((await get('/find?text=owl')).text)).toEqual(['first/rare']);
    expect((await get('/batch?name=first')).text).toContain('61 of 61');
    const enough = await get('/find?text=lamp');
    expect(foundIn(enough.text)).toHaveLength(50);
    expect(enough.text).toContain('There are more than these');
  });
});

describe("a brief's page", () => {
  it('has the commands that would act on it, as a shell takes them', async () => {
    const opened = await openLedger();
    const { out } = await finishedBatch(opened, 'catalog', [
      { brief_id: "it's", status: 'failed', assets: [] },
      { brief_id: '-x', assets: [] },
      { brief_id: 'red, large $(id)', assets: [] },
    ]);
    await opened.admit('a b');
    const { get } = await openMonitor({ actions: 'allowed' }, opened);
    const page = async (id: string, batch = 'catalog') => {
      const { text } = await get(`/brief?${new URLSearchParams({ batch, id })}`);
      const commands = [...text.matchAll(/<p><code>(.*?)<\/code><\/p>/g)].map(
        ([, line = '']) => line,
      );
      return {
        text,
        commands: commands.map((line) => line.replaceAll('&#39;', "'").replaceAll('&gt;', '>')),
      };
    };
    const failed = await page("it's");
    expect(failed.commands).toEqual([
      `rivya-batch retry catalog --ids 'it'\\''s'`,
      'rivya-batch status catalog',
      `rivya-batch verify ${out}`,
      `rivya-batch review ${out}`,
    ]);
    expect(failed.text).toContain(
      'href="/act?deed=retry&amp;batch=catalog&amp;id=it%27s">Retry this brief…',
    );
    expect(failed.text).toContain('href="/review/catalog/#open=it%27s"');
    const dashed = await page('-x');
    expect(dashed.commands[0]).toBe('rivya-batch retry catalog --ids=-x');
    expect(dashed.text).toContain('>Make it again…</a>');
    expect((await page('red, large $(id)')).commands.slice(0, 2)).toEqual([
      `printf '%s\\n' 'red, large $(id)' > ids.txt`,
      'rivya-batch retry catalog --ids ids.txt',
    ]);
    const waiting = await page('a b', 'spring');
    expect(waiting.commands).toEqual(['rivya-batch worker', 'rivya-batch status spring']);
    expect(waiting.text).not.toContain('/act?');
  });
});
