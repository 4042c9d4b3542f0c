import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { type Desk, fast, mapping, productsCsv, test } from '../support/cli.js';
import { crashEnvironment } from '../support/crash-points.js';

interface ShownRun {
  state: string;
  batch: string;
  put_away: string | null;
}

async function history(desk: Desk): Promise<ShownRun[]> {
  const { stdout } = await desk.run(['schedule', 'show', 'shots', '--json']);
  return (JSON.parse(stdout) as { history: ShownRun[] }).history;
}

async function historyUntil(desk: Desk, reached: (runs: ShownRun[]) => boolean) {
  for (;;) {
    const runs = await history(desk);
    if (reached(runs)) return runs;
    await sleep(200);
  }
}

describe.concurrent('a worker that is killed while it puts a run away', () => {
  for (const point of [
    'before redis rivya:forget*',
    'after redis rivya:forget*',
    'after file unlink *manifest.jsonl*',
  ]) {
    test(`${point}: the next one does it, and the kept run is whole (S1, S5)`, async ({
      openDesk,
    }) => {
      const desk = await openDesk();
      await desk.write('in.csv', productsCsv(3));
      const add = ['schedule', 'add', 'shots', 'in.csv', '--out', 'out', ...mapping];
      const rules = ['--cron', '0 2 1 1 *', '--tz', 'UTC', '--only-changed', '--keep-runs', '1'];
      expect((await desk.run([...add, ...rules])).code).toBe(0);
      const first = desk.start(['worker', ...fast]);
      await desk.run(['schedule', 'run-now', 'shots']);
      const [old] = await historyUntil(desk, ([run]) => run?.state === 'ended');
      first.kill('SIGTERM');
      await first.finished;

      const batch = old?.batch ?? '';
      const folder = join(desk.folder, 'out', batch);
      const named = point.replace(' *', ` ${batch}/`);
      const doomed = desk.start(['worker', ...fast], crashEnvironment(desk, { point: named }));
      await desk.run(['schedule', 'run-now', 'shots']);
      expect((await doomed.finished).signal).toBe('SIGKILL');
      expect(existsSync(folder)).toBe(true);

      const next = desk.start(['worker', ...fast]);
      const runs = await historyUntil(desk, (all) => all[1]?.put_away != null);
      next.kill('SIGTERM');
      expect((await next.finished).code).toBe(0);
      expect(existsSync(folder)).toBe(false);
      expect((await desk.run(['status', '--json'])).stdout).not.toContain(`"${batch}"`);
      expect((await desk.run(['verify', `out/${runs[0]?.batch}`])).code).toBe(0);
      expect(desk.simulator.bill().billedTwice).toEqual([]);
      expect(desk.simulator.bill().total.tasks).toBe(3);
    });
  }
});
