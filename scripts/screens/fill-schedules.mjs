// Schedules for the pictures: one that ran well, one that was refused and whose webhook nobody answers, one that rests.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/** What no page may show. */
export const scheduleSecrets = ['press-very-secret-hook'];

const patienceMs = 60_000;

export async function fillSchedules({ start, finished, desk, catalog, mapping, quick }) {
  const press = join(desk, 'press.csv');
  writeFileSync(press, 'sku,title\nP-1,Opening night\n');
  const add = (name, file, ...options) =>
    finished(
      start(['schedule', 'add', name, file, '--out', 'nights', ...mapping, '--tz', ...options]),
      [0],
    );
  const notify = `http://127.0.0.1:9/${scheduleSecrets[0]}`;
  await add('catalog-nightly', catalog, 'Europe/Berlin', '--cron', '0 2 * * *', '--limit', '12');
  await add(
    'press-photos',
    'press.csv',
    'UTC',
    '--cron',
    '30 6 * * 1-5',
    '--notify',
    notify,
    '--notify-private',
  );
  await add('archive-weekly', catalog, 'UTC', '--cron', '0 4 * * 0');
  await finished(start(['schedule', 'pause', 'archive-weekly']), [0]);
  // Spoilt after it was set: a row without what its prompt needs.
  writeFileSync(press, 'sku,title\nP-1,\n');
  const worker = start(['worker', '--log-level', 'error', ...quick]);
  for (const name of ['catalog-nightly', 'press-photos']) {
    await finished(start(['schedule', 'run-now', name]), [0]);
  }
  await until(start, 'catalog-nightly', ({ state }) => state === 'ended');
  await until(start, 'press-photos', ({ told }) => told?.tries > 0);
  const stopped = once(worker, 'close');
  worker.kill('SIGTERM');
  await stopped;
}

async function until(start, name, reached) {
  const endMs = Date.now() + patienceMs;
  for (;;) {
    const listed = start(['schedule', 'list', name, '--json']);
    const [{ history }] = JSON.parse(await text(listed.stdout));
    if (history.some(reached)) return;
    assert.ok(
      Date.now() < endMs,
      `schedule ${name} did not come so far: ${JSON.stringify(history)}`,
    );
    await sleep(500);
  }
}
