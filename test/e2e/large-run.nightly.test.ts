import { expect } from 'vitest';
import { test } from '../support/cli.js';

test('1,600 rows of TSV without an id column: complete, one key a task (S1, S4)', async ({
  openDesk,
}) => {
  const desk = await openDesk({ speed: Number.POSITIVE_INFINITY });
  const rows = Array.from(
    { length: 1600 },
    (_, index) => `Thing ${index}\ta "${index}" inch thing`,
  );
  await desk.write('things.tsv', `title\tdescription\n${rows.join('\n')}\n`);
  const { code } = await desk.run([
    'run',
    'things.tsv',
    '--out',
    'out',
    '--model',
    'z-image',
    '--prompt',
    '{{title}}: {{description}}',
    '--rate',
    '2000',
    '--in-flight',
    '800',
  ]);
  expect(code).toBe(0);
  const lines = await desk.lines('out');
  expect(new Set(lines.map((line) => line.brief_id)).size).toBe(1600);
  expect(new Set(lines.map((line) => line.task_id)).size).toBe(1600);
  const bill = desk.simulator.bill();
  expect(bill.total.tasks).toBe(1600);
  expect(Object.keys(bill.byIdempotencyKey)).toHaveLength(1600);
  expect(bill.billedTwice).toEqual([]);
});
