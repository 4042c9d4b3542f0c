import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { announcementOfEnd } from '../../../src/batch/announce.js';
import { readLedgerMs } from '../../../src/ledger/clock.js';
import { clockKey } from '../../../src/ledger/keys.js';
import { readJournal } from '../../../src/results/journal.js';
import { queueInput } from '../../../src/schedule/runs/start-run.js';
import { picture, sha256Of } from '../../support/reference-desk.js';
import { webhookTo } from '../../support/schedules.js';
import { openScheduleBench, tickMs } from './schedule-bench.js';

const dayMs = 86_400_000;
const fox = 'sku,title\n1,Fox\n2,Owl\n';

type Bench = Awaited<ReturnType<typeof openScheduleBench>>;

/** The batch of a run has come to its end, some of its briefs failed. */
async function finish({ batch }: Bench, name: string, failed = 0): Promise<void> {
  const ledger = batch(name);
  const succeeded = ((await ledger.meta())?.admitted ?? 0) - failed;
  await ledger.set({ 'lines:succeeded': succeeded, 'lines:failed': failed });
  const meta = await ledger.meta();
  if (meta) await ledger.markFinalized(meta, announcementOfEnd(meta, 0));
}

describe('a run', () => {
  it('is queued in a batch and a folder of its name, under its caps', async () => {
    const bench = await openScheduleBench();
    await bench.write(fox);
    expect(await bench.step()).toEqual({ kind: 'again', afterMs: 0 });
    expect(await bench.run()).toMatchObject({ stage: 'starting', batch: 'shots@2026-11-21' });
    expect(await bench.step()).toEqual({ kind: 'again', afterMs: 0 });
    expect(await bench.run()).toMatchObject({ stage: 'running', stopped: null });
    expect(await bench.batch('shots@2026-11-21').meta()).toMatchObject({
      stage: 'running',
      admitted: 2,
      maxCredits: 7,
      out: join(bench.folder, 'shots@2026-11-21'),
      sources: [join(bench.folder, 'in.csv')],
    });
    expect(await readdir(join(bench.folder, 'shots@2026-11-21'))).toEqual(['journal.jsonl']);
  });

  it("S1: has a batch by the ledger's time, whatever this machine's is", async () => {
    const bench = await openScheduleBench();
    await bench.write(fox);
    const key = clockKey(bench.prefix);
    const before = await readLedgerMs(bench.connection, key);
    bench.time.nowMs = before + 365 * dayMs;
    for (let steps = 0; steps < 2; steps += 1) await bench.step();
    const run = await bench.run();
    const name = run?.stage === 'running' ? run.batch : '';
    const createdAt = (await bench.batch(name).meta())?.createdAt;
    const admitted = (await bench.batch(name).briefs.read('1'))?.state;
    const latest = await readLedgerMs(bench.connection, key);
    for (const atMs of [createdAt, admitted?.stage === 'admitted' && admitted.admittedAt]) {
      expect(atMs).toBeGreaterThanOrEqual(before);
      expect(atMs).toBeLessThanOrEqual(latest + 1_000);
    }
  });

  it('leaves a note of itself in the folder, which a lost Redis does not take along', async () => {
    const bench = await openScheduleBench();
    await bench.write(fox);
    for (let steps = 0; steps < 2; steps += 1) await bench.step();
    const name = 'shots@2026-11-21';
    const [begun] = (await bench.batch(name).meta())?.runs ?? [];
    expect(begun?.atMs).toBeGreaterThan(0);
    await bench.batch(name).forget();
    const journal = await readJournal(join(bench.folder, name));
    expect(journal?.runs).toEqual([{ run: 1, at: begun?.atMs, forced: false }]);
    // And it is the same run for whoever opens the batch again from there.
    await queueInput(bench.context, {
      schedule: bench.schedule,
      batch: name,
      out: join(bench.folder, name),
      files: [join(bench.folder, 'in.csv')],
    });
    expect((await bench.batch(name).meta())?.runs[0]).toMatchObject({ run: 1, atMs: begun?.atMs });
  });

  it('finds references beside the file that was given, not beside its copy', async () => {
    const bench = await openScheduleBench();
    await writeFile(join(bench.folder, 'lamp.png'), picture(1));
    await bench.write('sku,title,model,references\n1,Fox,nano-banana,lamp.png\n');
    for (let steps = 0; steps < 2; steps += 1) await bench.step();
    expect(await bench.run()).toMatchObject({ stage: 'running', stopped: null });
    const { references } = bench.batch('shots@2026-11-21');
    expect(await references.file(sha256Of(picture(1)))).toMatchObject({
      path: join(bench.folder, 'lamp.png'),
    });
  });

  it('is looked at until its batch has ended, and told of when that was not well', async () => {
    const bench = await openScheduleBench();
    await bench.ledger.remove('shots');
    await bench.ledger.add(bench.schedule, webhookTo('https://hooks.test/secret'));
    await bench.write(fox);
    for (let steps = 0; steps < 2; steps += 1) await bench.step();
    expect(await bench.step()).toEqual({ kind: 'again', afterMs: 500 });
    await bench.batch('shots@2026-11-21').set({ capped: 'cap' });
    await bench.step();
    expect(await bench.run()).toMatchObject({ stage: 'running', stopped: 'capped' });
    await finish(bench, 'shots@2026-11-21', 1);
    await bench.step();
    expect(await bench.run()).toMatchObject({
      stage: 'ended',
      exitCode: 3,
      counts: { admitted: 2, succeeded: 1, failed: 1 },
    });
    expect(await bench.step()).toEqual({ kind: 'done' });
    expect(await bench.step()).toEqual({ kind: 'done' });
    // Its batch tells it, as any batch does.
    expect(await bench.told()).toMatchObject([
      { type: 'batch.failed', batch: 'shots@2026-11-21', reason: 'not_succeeded' },
    ]);
  });

  it('that is stopped in the middle goes on as the same batch with the same input (S1)', async () => {
    const bench = await openScheduleBench();
    await bench.write(fox);
    await bench.step();
    const stopping = AbortSignal.abort();
    expect(await bench.step(tickMs, { stopping })).toEqual({ kind: 'again', afterMs: 0 });
    expect(await bench.run()).toMatchObject({ stage: 'starting' });
    // What would make other briefs under the same ids.
    await bench.write('sku,title\n1,Wolf\n2,Bear\n3,Lynx\n');
    bench.time.nowMs += dayMs;
    await bench.step();
    expect(await bench.run()).toMatchObject({ stage: 'running', batch: 'shots@2026-11-21' });
    const ledger = bench.batch('shots@2026-11-21');
    expect(await ledger.meta()).toMatchObject({ admitted: 2, rows: 2 });
    expect(await ledger.briefs.readContent('1')).toContain('Photo of Fox');
    expect(await bench.connection.smembers(`${bench.prefix}:batches`)).toHaveLength(1);
  });

  it('goes on as it was begun, however its schedule is changed meanwhile (S1)', async () => {
    const bench = await openScheduleBench();
    await bench.write(fox);
    await bench.step();
    await bench.step(tickMs, { stopping: AbortSignal.abort() });
    const { input } = bench.schedule;
    await bench.ledger.change('shots', (found) => ({
      ...{ ...found, out: '/nowhere', files: ['/nowhere/in.csv'] },
      input: { ...input, prompt: 'Drawing of {{title}}' },
    }));
    await bench.step();
    expect(await bench.run()).toMatchObject({ stage: 'running', batch: 'shots@2026-11-21' });
    const { briefs } = bench.batch('shots@2026-11-21');
    expect(await briefs.readContent('1')).toContain('Photo of Fox');
  });

  it('repeated by two workers at once makes one batch (S1)', async () => {
    const bench = await openScheduleBench();
    await bench.write(fox);
    await Promise.all([bench.step(), bench.step()]);
    await Promise.all([bench.step(), bench.step()]);
    expect(await bench.run()).toMatchObject({ stage: 'running' });
    expect(await bench.batch('shots@2026-11-21').meta()).toMatchObject({ admitted: 2 });
    expect(await bench.connection.smembers(`${bench.prefix}:batches`)).toHaveLength(1);
  });

  it('takes another name where a batch has the first one', async () => {
    const bench = await openScheduleBench();
    await bench.write(fox);
    await bench.batch('shots@2026-11-21').open({
      ...{ origin: 'https://rivya.test', account: 'account-1' },
      ...{ out: '/elsewhere', nonce: '', createdAt: 0, requestIds: 'given' },
    });
    await bench.step();
    expect(await bench.run()).toMatchObject({ batch: 'shots@2026-11-21T0200' });
  });

  it('is left to a worker that has the file, and refused when none has', async () => {
    const bench = await openScheduleBench();
    await bench.step();
    expect(await bench.step()).toEqual({ kind: 'again', afterMs: 1_000 });
    bench.time.nowMs += 31_000;
    await bench.step();
    const { run } = bench;
    expect(await run()).toMatchObject({ stage: 'refused', exitCode: 2 });
    expect(await run()).toHaveProperty('message', expect.stringContaining('in.csv'));
  });

  it('is not begun where the schedule was paused or removed meanwhile', async () => {
    const bench = await openScheduleBench({ state: 'paused' });
    expect(await bench.step()).toEqual({ kind: 'done' });
    await bench.ledger.remove('shots');
    expect(await bench.step()).toEqual({ kind: 'done' });
    expect(await bench.run()).toBeUndefined();
  });
});

describe('while the batch before is not finished', () => {
  const next = tickMs + dayMs;

  it('the next run is skipped, and not when it has just finished', async () => {
    const bench = await openScheduleBench();
    await bench.write(fox);
    for (let steps = 0; steps < 2; steps += 1) await bench.step();
    bench.time.nowMs = next + 40;
    await bench.step(next);
    expect(await bench.run(next)).toMatchObject({ stage: 'skipped', reason: 'overlap' });
    await finish(bench, 'shots@2026-11-21');
    bench.time.nowMs = next + dayMs + 40;
    await bench.step(next + dayMs);
    expect(await bench.run(next + dayMs)).toMatchObject({ stage: 'starting' });
  });

  it('the next run waits for it with queue, one at most', async () => {
    const bench = await openScheduleBench({ overlap: 'queue' });
    await bench.write(fox);
    for (let steps = 0; steps < 2; steps += 1) await bench.step();
    bench.time.nowMs = next + 40;
    await bench.step(next);
    expect(await bench.step(next)).toEqual({ kind: 'again', afterMs: 1_000 });
    expect(await bench.run(next)).toMatchObject({ stage: 'waiting', behind: 'shots@2026-11-21' });
    bench.time.nowMs = next + dayMs + 40;
    await bench.step(next + dayMs);
    expect(await bench.run(next + dayMs)).toMatchObject({ reason: 'another_waits' });
    await finish(bench, 'shots@2026-11-21');
    // It has not begun, so that it is made as the schedule is by then.
    await bench.ledger.change('shots', (found) => ({ ...found, priority: 3 }));
    await bench.step(next);
    expect(await bench.run(next)).toMatchObject({ stage: 'starting', batch: 'shots@2026-11-22' });
    await bench.step(next);
    expect(await bench.batch('shots@2026-11-22').meta()).toMatchObject({ priority: 3 });
  });

  it('two runs that come due at the same moment do not both begin', async () => {
    const bench = await openScheduleBench();
    await bench.write(fox);
    const times = [tickMs, tickMs + 1, tickMs + 2];
    const step = async (at: number) => {
      while ((await bench.run(at)) === undefined) await bench.step(at);
    };
    await Promise.all(times.map(step));
    const stages = await Promise.all(times.map(async (at) => (await bench.run(at))?.stage));
    expect(stages.sort()).toEqual(['skipped', 'skipped', 'starting']);
  });
});

describe('a tick for which no worker was there', () => {
  it('is run once, named after the first night that was missed', async () => {
    const bench = await openScheduleBench();
    bench.time.nowMs = tickMs + 2.3 * dayMs;
    await bench.step();
    expect(await bench.run()).toMatchObject({ batch: 'shots@2026-11-21', missed: 2 });
  });

  it('is noted and not run with none', async () => {
    const bench = await openScheduleBench({ missed: 'none' });
    bench.time.nowMs = tickMs + 2.3 * dayMs;
    await bench.step();
    expect(await bench.run()).toMatchObject({ stage: 'skipped', reason: 'missed' });
  });
});
