import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { csvParse } from 'd3-dsv';
import { Redis } from 'ioredis';
import { inject } from 'vitest';
import { accountHash, accountKeys, batchKeys } from '../../src/ledger/keys.js';
import { type ManifestLine, manifestLineSchema } from '../../src/shared/manifest-line.js';
import type { Desk } from './cli.js';

interface Audited {
  out: string;
  batch: string;
  briefs: number;
  /** On the bill; as many as briefs unless some were tried again. */
  tasks?: number;
}

/**
 * Compares what a finished run left with what the API billed, for briefs that all succeeded; every
 * difference is a sentence, so an empty list is the proof (S1, S4, S5).
 */
export async function auditRun(
  desk: Desk,
  { out, batch, briefs, tasks = briefs }: Audited,
): Promise<string[]> {
  const lines = await desk.lines(out);
  const bill = desk.simulator.bill();
  const report = await desk.report(out);
  const charged = [...lines, ...(await historyOf(desk, out))].reduce(
    (sum, line) => sum + (line.credits.final ?? Number.NaN),
    0,
  );
  const table = csvParse(await desk.read(join(out, 'manifest.csv'))).length;
  const figures: Record<string, [number, number]> = {
    'lines and briefs': [lines.length, briefs],
    'briefs that have a line and briefs': [
      new Set(lines.map((line) => line.brief_id)).size,
      briefs,
    ],
    'lines that succeeded and briefs': [
      count(lines, (line) => line.status === 'succeeded'),
      briefs,
    ],
    'rows of manifest.csv and briefs': [table, briefs],
    'tasks on the bill and those to be paid': [bill.total.tasks, tasks],
    'keys billed twice and none': [bill.billedTwice.length, 0],
    'credits on the bill and in the manifest': [bill.total.spent, charged],
    'credits on the bill and in run.json': [bill.total.spent, report.credits.spent],
    'succeeded in run.json and briefs': [report.counts.succeeded, briefs],
    'pending in run.json and none': [report.counts.pending, 0],
    ...(await heldInRedis(desk, batch)),
  };
  const differences = Object.entries(figures)
    .filter(([, [found, wanted]]) => found !== wanted)
    .map(([name, [found, wanted]]) => `${name} differ: ${found}, ${wanted}`);
  return [...differences, ...(await brokenAssets(desk, out))];
}

/** Lines that others have taken the place of. */
async function historyOf(desk: Desk, out: string): Promise<ManifestLine[]> {
  const text = await desk.read(join(out, 'history.jsonl')).catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => manifestLineSchema.parse(JSON.parse(line)));
}

/** Assets that are not there as their line states (S5). */
async function brokenAssets(desk: Desk, out: string): Promise<string[]> {
  const faults: string[] = [];
  for (const line of await desk.lines(out)) {
    if (line.status === 'succeeded' && line.assets.length === 0) {
      faults.push(`${line.brief_id} succeeded without a file`);
    }
    for (const { path, bytes, sha256 } of line.assets) {
      const content = await readFile(join(desk.folder, out, path)).catch(() => null);
      const same =
        content?.length === bytes && createHash('sha256').update(content).digest('hex') === sha256;
      if (!same) faults.push(`${path} is not what its line says`);
    }
  }
  return faults;
}

/** No place in flight and no credit may stay taken after the end (S6, S7). */
async function heldInRedis(desk: Desk, batch: string): Promise<Record<string, [number, number]>> {
  const { REDIS_URL, RIVYA_BATCH_PREFIX = '', RIVYA_API_KEY = '' } = desk.environment;
  if (!REDIS_URL) return {};
  const redis = new Redis({ path: inject('redisSocket') });
  const account = accountKeys(
    RIVYA_BATCH_PREFIX,
    accountHash(desk.simulator.origin, RIVYA_API_KEY),
  );
  const { outbox, reservations } = batchKeys(RIVYA_BATCH_PREFIX, batch);
  const held: Record<string, [number, number]> = {
    'places in flight and none': [await redis.zcard(account.inFlight), 0],
    'reservations and none': [await redis.hlen(reservations), 0],
    'lines in the outbox and none': [await redis.llen(outbox), 0],
  };
  redis.disconnect();
  return held;
}

function count<T>(items: T[], fits: (item: T) => boolean): number {
  return items.filter(fits).length;
}
