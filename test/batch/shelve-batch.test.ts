import { appendFile, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { adoptFolder } from '../../src/batch/adopt-folder.js';
import { withQueues } from '../../src/batch/batch-context.js';
import { beginBatch } from '../../src/batch/continue-batch.js';
import { shelveBatch, shelveFinished } from '../../src/batch/shelve-batch.js';
import type { BatchMeta } from '../../src/ledger/batch-meta.js';
import { Ledgers } from '../../src/monitor/reading/ledgers.js';
import { BatchQueues } from '../../src/monitor/reading/queues.js';
import { readStory } from '../../src/monitor/reading/read-story.js';
import { beginOutput, bucketOf } from '../../src/results/output-places.js';
import { S3Server } from '../support/s3-server.js';
import { temporaryFolder } from '../worker/stages/stage-bench.js';
import { openBatchDesk } from './batch-desk.js';

const rows = ['a,fox', 'bad,owl', 'c,hare'];
const day = 24 * 60 * 60_000;

/** A batch that has ended, and what becomes of it by the time. */
async function openEnded(address?: Parameters<typeof openBatchDesk>[0]) {
  const desk = await openBatchDesk(address);
  const batch = await desk.open(rows);
  await desk.admit(batch);
  await desk.finish(batch);
  const { ledger } = batch;
  const { endedAt } = (await ledger.meta()) as BatchMeta;
  const endedMs = endedAt ?? 0;
  const leaveAfter = (ms: number) =>
    shelveFinished(desk.context, { nowMs: endedMs + ms, most: 10 });
  const states = async () => desk.redis.hgetall(ledger.keys.state);
  const keys = async () => (await desk.redis.keys(`${desk.prefix}*:spring*`)).sort();
  const adopt = () =>
    withQueues(desk.context, 'spring', (queues) => adoptFolder({ ledger, queues, out: desk.out }));
  return { ...desk, batch, ledger, endedMs, leaveAfter, states, keys, adopt };
}

describe('a batch that has ended', () => {
  it('leaves Redis a week later, but for its record, which says the same as before', async () => {
    const { ledger, leaveAfter, keys, redis } = await openEnded();
    await ledger.deeds.note({ kind: 'resumed' }, { name: 'anna', from: 'monitor' });
    const before = await ledger.meta();
    expect(await leaveAfter(7 * day - 1)).toBe(0);
    expect(await leaveAfter(7 * day)).toBe(1);
    expect(await ledger.meta()).toEqual({ ...before, shelved: true });
    expect(await keys()).toEqual([ledger.keys.deeds, ledger.keys.meta]);
    expect(await ledger.deeds.latest()).toMatchObject([{ by: { name: 'anna' } }]);
    expect(await redis.memory('USAGE', ledger.keys.meta)).toBeLessThan(3_000);
    expect(await leaveAfter(30 * day)).toBe(0);
  });

  it.each<[string, (ended: Awaited<ReturnType<typeof openEnded>>) => Promise<unknown>]>([
    [
      'a line is unknown',
      ({ ledger, redis }) => redis.hset(ledger.keys.meta, 'lines:unknown', 1, 'lines:succeeded', 1),
    ],
    [
      'credits are held',
      ({ ledger, redis }) => redis.hset(ledger.keys.reservations, 'a', '1 2026-11-30 k'),
    ],
    ['a line is not in the manifest', ({ ledger, redis }) => redis.rpush(ledger.keys.outbox, '{}')],
    ['its folder was moved', ({ out }) => rename(out, `${out}-elsewhere`)],
    [
      'its folder has another life of it',
      async ({ out }) => {
        const path = join(out, 'journal.jsonl');
        const text = await readFile(path, 'utf8');
        await writeFile(path, text.replace(/"nonce":"[^"]*"/, '"nonce":"other"'));
      },
    ],
    ['its manifest is longer', ({ out }) => appendFile(join(out, 'manifest.jsonl'), '{"torn')],
    [
      'a line of it cannot be read',
      async ({ out }) => {
        const path = join(out, 'manifest.jsonl');
        const text = await readFile(path, 'utf8');
        await writeFile(path, text.replace('{"brief_id"', '{"brief_xx"'));
      },
    ],
    ['it is opened again', ({ retry, batch }) => retry(batch)],
    ['something was queued without its folder', ({ open }) => open(rows, { out: '' })],
    [
      'it is of an earlier version, which noted no end',
      ({ ledger, redis }) => redis.hdel(ledger.keys.meta, 'ended_at'),
    ],
  ])('S1: stays as it is where %s', async (_why, change) => {
    const ended = await openEnded();
    await change(ended);
    const before = await ended.states();
    expect(await ended.leaveAfter(30 * day)).toBe(0);
    expect(await ended.states()).toEqual(before);
    expect(await ended.ledger.meta()).toMatchObject({ shelved: false });
  });
});

describe('a batch that has left Redis', () => {
  it('S1: is run again without anything to make, and stays for another week', async () => {
    const { open, leaveAfter, states, ledger, redis, endedMs } = await openEnded();
    const before = await states();
    await leaveAfter(7 * day);
    const again = await open(rows);
    expect(again).toMatchObject({ news: 'none', comparison: { same: 3, fresh: 0 } });
    expect(Object.keys(await states()).sort()).toEqual(Object.keys(before).sort());
    expect(await ledger.meta()).toMatchObject({ shelved: false, finalized: true, spent: 3 });
    expect(Number(await redis.hget(ledger.keys.meta, 'ended_at'))).toBeGreaterThan(endedMs);
  });

  it('S1, S4: pays for what has changed and is new, and for nothing else', async () => {
    const { open, leaveAfter, admit, finish, out, ledger } = await openEnded();
    await leaveAfter(7 * day);
    const again = await open(['a,fox', 'bad,owl', 'c,hare in snow', 'd,elk']);
    expect(again.comparison).toMatchObject({ same: 2, changed: 1, fresh: 1 });
    await admit(again);
    await finish(again);
    expect(await ledger.meta()).toMatchObject({ admitted: 4, pending: 0, spent: 5 });
    const lines = (await readFile(join(out, 'manifest.jsonl'), 'utf8')).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).attempt).sort()).toEqual([1, 1, 1, 2]);
  });

  it('S4: what has failed is opened again, with what it was made from', async () => {
    const { retry, batch, leaveAfter, adopt, ledger } = await openEnded();
    await leaveAfter(7 * day);
    await adopt();
    expect(await retry(batch)).toBe(1);
    expect(await ledger.briefs.find('bad')).toMatchObject({
      state: { stage: 'admitted', attempt: 2 },
      content: { request: { prompt: 'owl' } },
    });
    expect(await ledger.meta()).toMatchObject({ shelved: false, pending: 1 });
  });

  it('S1: nothing of it is opened by whoever does not see that it has left', async () => {
    const { ledger, leaveAfter, batch, retry, out } = await openEnded();
    await leaveAfter(7 * day);
    const lines = await readFile(join(out, 'manifest.jsonl'), 'utf8');
    expect(await retry(batch)).toBe(0);
    expect(await readFile(join(out, 'manifest.jsonl'), 'utf8')).toBe(lines);
    expect(await ledger.meta()).toMatchObject({ admitted: 3, pending: 0 });
  });

  it('S1: nothing is queued for it without its folder', async () => {
    const { open, leaveAfter, ledger, states } = await openEnded();
    await leaveAfter(7 * day);
    await expect(open(rows, { out: '' })).rejects.toMatchObject({ code: 'batch_conflict' });
    expect(await states()).toEqual({});
    expect(await ledger.meta()).toMatchObject({ shelved: true, admitted: 3 });
  });

  it('S1: a command that compared its input before that admits nothing', async () => {
    const { open, leaveAfter, ledger, admit, endedMs } = await openEnded();
    const opened = await open([...rows, 'd,elk']);
    expect(await shelveBatch(opened.context, 'spring', endedMs)).toBe('shelved');
    await expect(beginBatch(opened)).rejects.toMatchObject({ code: 'batch_conflict' });
    await expect(admit(opened)).rejects.toMatchObject({ code: 'batch_conflict' });
    expect(await ledger.meta()).toMatchObject({ admitted: 3, pending: 0 });
    expect(await leaveAfter(0)).toBe(0);
  });

  it('is told of brief by brief by the monitor, as its folder has it', async () => {
    const { leaveAfter, ledger, redis, prefix, context, states } = await openEnded();
    await leaveAfter(7 * day);
    const meta = (await ledger.meta()) as BatchMeta;
    const queues = new BatchQueues(redis, prefix);
    const ledgers = new Ledgers(redis, prefix, context.clock);
    const story = await readStory(ledgers, queues, { meta, id: 'bad' });
    expect(story).toMatchObject({
      state: { stage: 'lined', status: 'failed' },
      line: { brief_id: 'bad', prompt: 'owl' },
    });
    expect(await readStory(ledgers, queues, { meta, id: 'nobody' })).toBeNull();
    await queues.closeAll();
    expect(await states()).toEqual({});
  });

  it('S4: comes back as a whole after a kill in the middle', async () => {
    const { leaveAfter, adopt, ledger, states, out, redis } = await openEnded();
    const [before, meta] = [await states(), await ledger.meta()];
    await leaveAfter(7 * day);
    const [first = ''] = (await readFile(join(out, 'manifest.jsonl'), 'utf8')).split('\n');
    const { brief_id: id } = JSON.parse(first) as { brief_id: string };
    await redis.hset(ledger.keys.state, id, before[id] ?? '');
    await redis.hset(ledger.keys.meta, 'shelved', Buffer.byteLength(first) + 1);
    expect(await adopt()).toMatchObject({ kind: 'adopted', lines: 0 });
    expect(await states()).toEqual(before);
    const now = await ledger.meta();
    expect(now).toEqual({ ...meta, endedAt: now?.endedAt });
  });

  it('S4: is brought back by several at once, and counted once', async () => {
    const { leaveAfter, adopt, ledger, states } = await openEnded();
    const [before, meta] = [await states(), await ledger.meta()];
    await leaveAfter(7 * day);
    const adoptions = await Promise.all([adopt(), adopt(), adopt()]);
    expect(adoptions.map(({ kind }) => kind)).toEqual(['adopted', 'adopted', 'adopted']);
    expect(await states()).toEqual(before);
    const now = await ledger.meta();
    expect(now).toEqual({ ...meta, endedAt: now?.endedAt });
  });

  it('S1: where its folder has lost a line since, it is taken over as after a lost Redis', async () => {
    const { leaveAfter, out, open } = await openEnded();
    await leaveAfter(7 * day);
    const path = join(out, 'manifest.jsonl');
    const [, ...rest] = (await readFile(path, 'utf8')).split('\n');
    await writeFile(path, rest.join('\n'));
    const again = await open(rows);
    expect(again.comparison).toMatchObject({ same: 2, fresh: 1 });
    expect(again.meta).toMatchObject({ shelved: false, admitted: 2 });
  });

  it('knows the files again that its briefs refer to', async () => {
    const { ledger, leaveAfter, adopt, redis } = await openEnded();
    const file = {
      sha256: 'f'.repeat(64),
      path: '/a/lamp.png',
      bytes: 3,
      mediaType: 'image/png',
      name: 'lamp.png',
    };
    await ledger.references.keepFiles([file]);
    expect(await leaveAfter(7 * day)).toBe(1);
    expect(await redis.exists(ledger.keys.files)).toBe(0);
    await adopt();
    expect(await ledger.references.file(file.sha256)).toEqual(file);
  });
});

describe('a batch that has ended in a bucket', () => {
  let server: S3Server;
  beforeEach(async () => {
    server = await S3Server.start('cat');
    onTestFinished(() => server.stop());
    for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value);
    onTestFinished(() => void vi.unstubAllEnvs());
  });

  async function openThere() {
    const address = { out: 's3://cat/spring', s3Endpoint: server.endpoint };
    const ended = await openEnded(address);
    /** Another machine, whose disk has nothing of it. */
    const elsewhere = async () => {
      // Whoever was there last is not waited for.
      await ended.redis.del(ended.ledger.keys.keeper);
      const places = { home: await temporaryFolder(), s3Endpoint: server.endpoint };
      const { folder } = await beginOutput(places, address.out);
      const leave = () =>
        shelveFinished({ ...ended.context, places }, { nowMs: ended.endedMs + 7 * day, most: 1 });
      return { places, folder, leave };
    };
    return { ...ended, elsewhere };
  }

  it('S1, S4: leaves Redis from any machine, and comes back to any other', async () => {
    const { ledger, elsewhere, keys, open, states, context, endedMs } = await openThere();
    const [meta, before] = [await ledger.meta(), await states()];
    const file = { path: '/a/lamp.png', bytes: 3, mediaType: 'image/png', name: 'lamp.png' };
    const sha256 = 'f'.repeat(64);
    await ledger.references.keepFiles([{ sha256, ...file }]);
    expect(await shelveFinished(context, { nowMs: endedMs + 7 * day - 1, most: 1 })).toBe(0);
    expect(await (await elsewhere()).leave()).toBe(1);
    expect(await ledger.meta()).toEqual({ ...meta, shelved: true });
    expect((await keys()).filter((key) => key !== ledger.keys.keeper)).toEqual([ledger.keys.meta]);
    // What a later attempt is made with was put before: this machine may be gone by then.
    expect(await server.text('cat', 'spring/journal.jsonl')).toContain(sha256);

    const { places, folder } = await elsewhere();
    const again = await open(rows, { out: folder }, places);
    expect(again).toMatchObject({ news: 'none', comparison: { same: 3, fresh: 0 } });
    expect(Object.keys(await states()).sort()).toEqual(Object.keys(before).sort());
    expect(await ledger.meta()).toMatchObject({ shelved: false, finalized: true, spent: 3 });
    expect(await ledger.references.file(sha256)).toEqual({ sha256, ...file });
  });

  it.each<[string, (ended: Awaited<ReturnType<typeof openThere>>) => unknown]>([
    [
      'another machine has its folder',
      ({ redis, ledger }) => redis.set(ledger.keys.keeper, 'other 1'),
    ],
    [
      'it is out of reach',
      () => server.plan({ fault: { kind: 'answer', status: 403, code: 'AccessDenied' } }),
    ],
    [
      'its manifest is gone from there',
      async ({ places }) => bucketOf(places, 's3://cat/spring')?.remove('manifest.jsonl'),
    ],
    [
      'its manifest is another one there',
      async () => {
        const text = await server.text('cat', 'spring/manifest.jsonl');
        await server.place('cat', 'spring/manifest.jsonl', text.replace('fox', 'owl, old'));
      },
    ],
    [
      'it does not take what was noted last',
      async ({ out }) => {
        await appendFile(join(out, 'decisions.jsonl'), '{}\n');
        const refused = { kind: 'answer', status: 403, code: 'AccessDenied' } as const;
        server.plan({ method: 'PUT', fault: refused });
      },
    ],
  ])('S1, S5: stays in Redis as it is where %s', async (_why, change) => {
    const ended = await openThere();
    await ended.redis.del(ended.ledger.keys.keeper);
    await change(ended);
    const before = await ended.states();
    expect(await shelveFinished(ended.context, { nowMs: ended.endedMs + 30 * day, most: 10 })).toBe(
      0,
    );
    expect(await ended.states()).toEqual(before);
    expect(await ended.ledger.meta()).toMatchObject({ shelved: false });
  });
});
