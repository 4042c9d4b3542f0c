import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { ManifestWriter } from '../../src/batch/manifest-writer.js';
import { type Reopener, surveyReopening } from '../../src/batch/reopen.js';
import type { BatchLedger } from '../../src/ledger/batch-ledger.js';
import { Journal } from '../../src/results/journal.js';
import type { ManifestLine } from '../../src/shared/manifest-line.js';
import { StageQueues } from '../../src/shared/queues.js';
import { manifestLine } from '../shared/manifest-lines.js';
import { identity, openLedger } from '../support/ledger.js';
import { temporaryFolder } from '../worker/stages/stage-bench.js';

const unknownTask: Partial<ManifestLine> = {
  status: 'unknown',
  task_id: 'task_3',
  assets: [],
  error: { code: 'task_overdue', message: 'late', request_id: null },
};

export const lineKinds: Record<string, Partial<ManifestLine>> = {
  a: {},
  b: { status: 'failed', assets: [], credits: { reserved: 1, final: 0 } },
  c: unknownTask,
  d: { status: 'failed', assets: [], task_id: null },
  e: {},
};

/** The earlier line that the history has from before. */
const oldHistory = `${JSON.stringify(manifestLine({ brief_id: 'old' }))}\n`;

/** A batch with its folder, in which b, c and d are worth a retry; `late` comes to its end only later. */
export async function openFinished() {
  const opened = await openLedger();
  const { redis, ledger, account, prefix, batch } = opened;
  const out = await temporaryFolder();
  await (await Journal.open(out, { ...identity, batch })).close();
  const queues = new StageQueues(redis, prefix, batch);
  onTestFinished(() => queues.close());
  const reopener: Reopener = {
    ledger,
    account,
    queues,
    out,
    clock: { now: () => 0 },
    categoryOf: () => 'image',
    priceOf: () => ({ guess: 3, least: 1 }),
  };
  const lines: Record<string, string> = {};
  const finish = async (id: string, patch: Partial<ManifestLine> = lineKinds[id] ?? {}) => {
    const from = await ledger.briefs.read(id);
    if (!from) throw new Error(`${id} was not admitted`);
    const { seq, attempt } = from.state;
    const line = manifestLine({ brief_id: id, batch, seq, attempt, ...patch });
    lines[id] = JSON.stringify(line);
    const { status } = line;
    const figures = { charged: line.credits.final, checks: 2, downloads: 0, nowMs: 0 };
    await ledger.briefs.finish(id, { from, line: lines[id], status, ...figures });
    // The ledger's own fingerprint stays, as `finish` leaves it.
    expect(await opened.stateOf(id)).toMatchObject({ stage: 'lined', status });
  };
  const flush = () => new ManifestWriter(reopener).flush();
  await opened.admit(...Object.keys(lineKinds), 'late');
  for (const id of Object.keys(lineKinds)) await finish(id);
  await flush();
  await ledger.adoption.endAdoption({
    ...{ historyCharged: 0, takenOver: 0, lastRun: 0, forcedRun: null, generation: 0 },
    runTimes: new Map(),
  });
  await ledger.set({ ready: 1 });
  await writeFile(join(out, 'history.jsonl'), oldHistory);
  return {
    ...opened,
    out,
    queues,
    reopener,
    lines,
    finish,
    flush,
    oldHistory,
    file: (name: string) => readFile(join(out, name), 'utf8'),
    files: async () => (await readdir(out)).sort(),
    survey: () => surveyReopening(reopener, (line) => line.status !== 'succeeded'),
    /** As if whoever holds the manifest had not been heard of for long. */
    expireHold: () => redis.hset(ledger.keys.meta, 'rewriter_at', 0),
    jobs: async (stage: 'submit' | 'status') =>
      (await queues.queue(stage).getJobs(['waiting', 'delayed', 'active']))
        .map(({ data }) => `${data.brief} ${data.attempt}`)
        .sort(),
  };
}

export type Finished = Awaited<ReturnType<typeof openFinished>>;

/** The same batch for a process of which some calls to Redis are something else. */
export function withParts(
  reopener: Reopener,
  parts: Partial<Pick<BatchLedger, 'reopened' | 'outbox' | 'briefs'> & { queues: StageQueues }>,
): Reopener {
  const { queues = reopener.queues, ...own } = parts;
  const replaced = Object.entries(own).map(([name, value]) => [name, { value }] as const);
  const ledger = Object.create(reopener.ledger, Object.fromEntries(replaced)) as BatchLedger;
  return { ...reopener, queues, ledger };
}

/** What every way through a retry must lead to, whoever was killed on the way. */
export async function expectReopened(opened: Finished): Promise<void> {
  const { lines, file, files, ledger, stateOf, jobs } = opened;
  expect(await file('manifest.jsonl')).toBe(`${lines.a}\n${lines.e}\n`);
  expect(await file('history.jsonl')).toBe(
    `${opened.oldHistory}${lines.b}\n${lines.c}\n${lines.d}\n`,
  );
  expect(await files()).toEqual(['history.jsonl', 'journal.jsonl', 'manifest.jsonl']);
  expect(await stateOf('b')).toMatchObject({ stage: 'admitted', attempt: 2, sends: 0 });
  expect(await stateOf('c')).toMatchObject({ stage: 'accepted', attempt: 1, taskId: 'task_3' });
  expect(await stateOf('d')).toMatchObject({ stage: 'admitted', attempt: 2 });
  expect(await ledger.meta()).toMatchObject({
    pending: 4,
    lines: { succeeded: 2, failed: 0, unknown: 0 },
  });
  expect(await ledger.adoption.marks()).toMatchObject({
    reopened: false,
    offset: Buffer.byteLength(`${lines.a}\n${lines.e}\n`),
  });
  expect(await jobs('submit')).toEqual(['b 2', 'd 2']);
  expect(await jobs('status')).toEqual(['c 1']);
}
