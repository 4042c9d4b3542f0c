import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { atOnce } from '../../src/batch/admit.js';
import { withQueues } from '../../src/batch/batch-context.js';
import { admitBatch, beginBatch, openBatch } from '../../src/batch/continue-batch.js';
import { finalizeBatch } from '../../src/batch/end-batch.js';
import { ManifestWriter } from '../../src/batch/manifest-writer.js';
import { shelveFinished } from '../../src/batch/shelve-batch.js';
import { batchesKey } from '../../src/ledger/keys.js';
import { compileInput } from '../../src/producer/compile-input.js';
import { manifestLine } from '../shared/manifest-lines.js';
import { identity, openLedger } from '../support/ledger.js';
import { startServer } from '../support/redis-server.js';
import { temporaryFolder } from '../worker/stages/stage-bench.js';

const dayMs = 24 * 60 * 60_000;
const never = atOnce(new AbortController().signal);

/** A Redis of its own, and nights that are made in it as a schedule's worker does it, but for the tasks themselves. */
async function openNights(rows: number) {
  const server = await startServer();
  onTestFinished(server.stop);
  const { redis, prefix, account } = await openLedger({ socket: server.socket, batch: 'unused' });
  const folder = await temporaryFolder();
  let nowMs = Date.parse('2026-01-01T02:00:00Z');
  const clock = { now: () => nowMs };
  const facts = {
    categoryOf: () => 'image' as const,
    priceOf: () => ({ guess: 3, least: 1 }),
    places: { home: '', s3Endpoint: null },
  };
  const context = { redis, prefix, origin: identity.origin, account, clock, ...facts };
  const night = (day: number) =>
    `nightly@${new Date(nowMs + day * dayMs).toISOString().slice(0, 10)}`;
  const make = async (batch: string) => {
    const file = join(folder, 'in.csv');
    const ids = Array.from({ length: rows }, (_, row) => `sku-${String(row).padStart(5, '0')}`);
    await writeFile(file, `id,prompt\n${ids.map((id) => `${id},${id} on ${batch}`).join('\n')}\n`);
    const plain = { format: null, delimiter: null, prompt: null, id: null, params: [] };
    const input = await compileInput({
      ...{ ...plain, files: [file], model: 'z-image', variants: 1, limit: null },
      models: [],
    });
    const out = join(folder, 'results', batch);
    await mkdir(out, { recursive: true });
    const opened = await openBatch(context, {
      ...{ batch, out, sources: ['in.csv'], command: null, mode: 'go_on', force: 'none', input },
      ...{ minSize: undefined, priority: undefined, webhook: undefined, changes: 'made' },
      caps: { batch: undefined, day: undefined },
    });
    const { ledger, comparison } = opened;
    await beginBatch(opened);
    await withQueues(context, batch, async (queues) => {
      await admitBatch(opened, queues, never);
      const writer = new ManifestWriter({ ledger, queues, out });
      for await (const briefs of ledger.scan()) {
        await Promise.all(briefs.map(({ id }) => end(opened.ledger, batch, id)));
        await writer.flush();
      }
      // As their workers take them.
      for (const stage of ['submit', 'status', 'collect'] as const)
        await queues.queue(stage).drain();
    });
    expect(await finalizeBatch(ledger, out, clock)).toBe('finalized');
    await input.dispose();
    return comparison;
  };
  const end = async (
    ledger: Awaited<ReturnType<typeof openBatch>>['ledger'],
    batch: string,
    id: string,
  ) => {
    const from = await ledger.briefs.find(id);
    if (from === 'lined' || from === 'missing') return;
    const { seq, attempt, run = null } = from.state;
    const { model, prompt = null, params = {} } = from.content.request;
    const status = 'succeeded' as const;
    const own = { brief_id: id, batch, seq, attempt, run, status, model, prompt, params };
    const line = JSON.stringify(manifestLine({ ...own, assets: [] }));
    const figures = { charged: 1, checks: 2, downloads: 1, nowMs };
    await ledger.briefs.finish(id, { from, line, status, ...figures });
  };
  return {
    ...{ redis, prefix, folder, make, night },
    tomorrow: () => {
      nowMs += dayMs;
    },
    tidy: () =>
      shelveFinished(
        { redis, prefix, places: { home: '', s3Endpoint: null } },
        { nowMs, most: 20 },
      ),
    used: async () => {
      const [, used = '0'] = /used_memory:(\d+)/.exec(await redis.info('memory')) ?? [];
      return Number(used);
    },
  };
}

it('365 nights leave Redis as the first weeks did, but for 3 kB a night, and all their folders', async () => {
  const nights = 365;
  const rows = 50;
  const { redis, prefix, folder, make, night, tomorrow, tidy, used } = await openNights(rows);
  const usedAfter: number[] = [];
  const keysAfter: number[] = [];
  const first = night(0);
  for (let day = 0; day < nights; day += 1) {
    await make(night(0));
    await tidy();
    usedAfter.push(await used());
    // That of a day goes by itself, after 40 days by Redis' own clock.
    const keys = (await redis.keys('*')).filter((key) => !key.includes(':day:'));
    keysAfter.push(keys.length);
    tomorrow();
  }
  // A batch of the last week has some keys, of queues as well; an earlier one has its record.
  const [atFirst = 0, atLast = 0] = [keysAfter[29], keysAfter[nights - 1]];
  expect(atLast - atFirst).toBe(nights - 30);
  const grown = (usedAfter[nights - 1] ?? 0) - (usedAfter[29] ?? 0);
  expect(grown / (nights - 30)).toBeLessThan(3_500);
  expect(await redis.scard(batchesKey(prefix))).toBe(nights + 1);
  const folders = await readdir(join(folder, 'results'));
  expect(folders).toHaveLength(nights);
  // The first night is known as it was: nothing of it would be made again.
  expect(await make(first)).toMatchObject({ same: rows, fresh: 0, changed: 0 });
  const lines = await readFile(join(folder, 'results', first, 'manifest.jsonl'), 'utf8');
  expect(lines.trimEnd().split('\n')).toHaveLength(rows);
});
