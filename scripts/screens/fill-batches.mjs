// Batches for the pictures: one that is finished, one that runs, and those of schedules.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fillSchedules } from './fill-schedules.mjs';

const catalog = join(import.meta.dirname, '../../examples/catalog.csv');
const mapping = ['--id', 'sku', '--model', 'z-image', '--prompt', 'Studio photo of {{title}}'];
const quick = ['--rate', '200', '--in-flight', '50'];

export async function fillBatches({ start, finished, desk, simulator, hostile }) {
  await finished(start(['run', catalog, '--out', 'catalog', ...mapping, ...quick]), [0, 3]);
  await fillSchedules({ start, finished, desk, catalog, mapping, quick });
  // Slow, and for a while without downloads, so that every state is there to be seen.
  simulator.control({ speed: 0.7, faults: ['download-status=503'] });
  const hostileRow = `"${hostile.replaceAll('"', '""')}",${'A title that goes on and on '.repeat(8)}`;
  const chairs = Array.from({ length: 400 }, (_, row) => `S-${1000 + row},Chair ${row}`);
  writeFileSync(join(desk, 'spring.csv'), `${['sku,title', hostileRow, ...chairs].join('\n')}\n`);
  const capped = ['--max-credits', '900', '--rate', '12'];
  start(['run', 'spring.csv', '--out', 'spring', ...mapping, ...capped]);
  await sleep(9_000);
  simulator.control({ faults: [] });
  await sleep(9_000);
}
