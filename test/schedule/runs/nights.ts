import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { announcementOfEnd } from '../../../src/batch/announce.js';
import { runReport } from '../../../src/results/run-report.js';
import type { Schedule } from '../../../src/schedule/schedule.js';
import type { ManifestLine } from '../../../src/shared/manifest-line.js';
import { assetOf, briefLine } from '../../results/results-folder.js';
import { openScheduleBench, tickMs } from './schedule-bench.js';

export const dayMs = 86_400_000;

export type Bench = Awaited<ReturnType<typeof openScheduleBench>>;
type Status = ManifestLine['status'];

export const openNights = (keep: Partial<Schedule['keep']>, change: Partial<Schedule> = {}) =>
  openScheduleBench({ keep: { runs: null, days: null, ...keep }, ...change });

/** Steps a run until there is nothing to do for it now. */
export async function settle(bench: Bench, at: number): Promise<void> {
  for (;;) {
    const step = await bench.step(at);
    if (step.kind === 'done' || step.afterMs >= 500) return;
  }
}

/** A night to the end of its batch, with a line and a picture for each brief; its run is not seen to end. */
export async function makeNight(bench: Bench, number: number, statuses: Status[]): Promise<string> {
  const at = tickMs + number * dayMs;
  bench.time.nowMs = at + 40;
  await bench.write(
    `sku,title\n${statuses.map((_, index) => `${index},Fox ${number}\n`).join('')}`,
  );
  await settle(bench, at);
  const run = await bench.run(at);
  if (run?.stage !== 'running') throw new Error(`the run is ${run?.stage}`);
  const { batch, out } = run;
  const ledger = bench.batch(batch);
  const lines: ManifestLine[] = [];
  await mkdir(join(out, 'assets'), { recursive: true });
  for (const [index, status] of statuses.entries()) {
    const path = `assets/${index}.png`;
    const text = `picture ${index} of ${batch}`;
    if (status === 'succeeded') await writeFile(join(out, path), text);
    const assets = status === 'succeeded' ? [assetOf(path, text)] : [];
    lines.push({ ...briefLine(String(index), index + 1, assets), batch, status, run: 1 });
  }
  await writeFile(
    join(out, 'manifest.jsonl'),
    lines.map((line) => `${JSON.stringify(line)}\n`).join(''),
  );
  for (const status of new Set(statuses)) {
    const count = statuses.filter((other) => other === status).length;
    await ledger.set({ [`lines:${status}`]: count, [`run:1:${status}`]: count });
  }
  const meta = await ledger.meta();
  if (meta === null) throw new Error('it was opened');
  await writeFile(join(out, 'run.json'), JSON.stringify(runReport(meta, at)));
  await ledger.markFinalized(meta, announcementOfEnd(meta, 0));
  return batch;
}

export async function wholeNight(
  bench: Bench,
  number: number,
  statuses: Status[] = ['succeeded'],
): Promise<string> {
  const batch = await makeNight(bench, number, statuses);
  await settle(bench, tickMs + number * dayMs);
  return batch;
}

/** Folders of its batches. */
export const nights = async ({ folder }: Bench) =>
  (await readdir(folder)).filter((name) => name.startsWith('shots@')).sort();

/** Batches that Redis knows. */
export const known = ({ connection, prefix }: Bench) => connection.smembers(`${prefix}:batches`);

export const keepOf = async ({ ledger }: Bench, keep: Partial<Schedule['keep']>) => {
  await ledger.change('shots', (found) => ({
    ...found,
    keep: { runs: null, days: null, ...keep },
  }));
};
