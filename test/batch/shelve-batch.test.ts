import { appendFile, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { adoptFolder } from '../../src/batch/adopt-folder.js';
import { withQueues } from '../../src/batch/batch-context.js';
import { beginBatch } from '../../src/batch/continue-batch.js';
import { shelveBatch, shelveFinished } from '../../src/batch/shelve-batch.js';
import type { BatchMeta } from '../../src/ledger/batch-meta.js';
import { Ledgers } from '../../src/monitor/reading/ledgers.js';
import { BatchQueues } from '../../src/monitor/reading/queues.js';
import { readStory } from '../../src/monitor/reading/read-story.js';
import { openBatchDesk } from './batch-desk.js';

const rows = ['a,fox', 'bad,owl', 'c,hare'];
const day = 24 * 60 * 60_000;

/** A batch that has ended, and what becomes of it by the time. */
async function openEnded(
  patch: Parameters<Awaited<ReturnType<typeof openBatchDesk>>['open']>[1] = {},
) {
  const desk = await openBatchDesk();
  const batch = await desk.open(rows, patch);
  await desk.admit(batch);
  await desk.finish(batch);
  const { ledger } = batch;
  const { endedAt } = (await ledger.meta()) as BatchMeta;
  const endedMs = endedAt ?? 0;
  const leaveAfter = (ms: number) => shelveFinished(desk, { nowMs: endedMs + ms, most: 10 });
  const states = async () => desk.redis.hgetall(ledger.keys.state);
  const keys = async () => (await desk.redis.keys(`${desk.prefix}*:spring*`)).sort();
  const adopt = () =>
    withQueues(desk.context, 'spring', (queues) => adoptFolder({ ledger, queues, out: desk.out }));
  return { ...desk, batch, ledger, endedMs, leaveAfter, states, keys, adopt };
}

describe('a batch that has ended', () => {
  it('leaves Redis a week later, but for its record, which says the same as before', async () => {
    const { ledger, leaveAfter, keys, redis } = await openEnded();
    const before = await ledger.meta();
    expect(await leaveAfter(7 * day - 1)).toBe(0);
    expect(await leaveAfter(7 * day)).toBe(1);
    expect(await ledger.meta()).toEqual({ ...before, shelved: true });
    expect(await keys()).toEqual([ledger.keys.meta]);
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
    expect(
      await shelveBatch(
        { redis: opened.context.redis, prefix: opened.context.prefix },
        'spring',
        endedMs,
      ),
    ).toBe('shelved');
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
