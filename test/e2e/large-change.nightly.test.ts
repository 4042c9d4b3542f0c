import { expect } from 'vitest';
import { mapping, test } from '../support/cli.js';

const rows = 10_000;
const limits = ['--rate', '5000', '--in-flight', '1500', '--concurrency', '64'];
const run = ['run', 'in.csv', '--out', 'out', ...mapping, ...limits, '--json'];

/** Every hundredth row is another one in a later edition. */
function csv(edition: number): string {
  const lines = Array.from({ length: rows }, (_, index) => {
    const changed = index % 100 === 7 && edition > 1;
    return `${String(index).padStart(5, '0')},${changed ? `Edition ${edition} of` : 'Product'} ${index}`;
  });
  return `sku,title\n${lines.join('\n')}\n`;
}

const secondsSince = (startedAt: number) => ((performance.now() - startedAt) / 1000).toFixed(1);

test('10,000 rows of which 1 % are edited: 1 % is spent (S1, S4, S5)', async ({ openDesk }) => {
  const desk = await openDesk({ speed: Number.POSITIVE_INFINITY, credits: 1_000_000 });
  await desk.write('in.csv', csv(1));
  expect((await desk.run(run)).code).toBe(0);
  expect(desk.simulator.bill().total.tasks).toBe(rows);

  await desk.write('in.csv', csv(2));
  let startedAt = performance.now();
  const check = await desk.run(['check', 'in.csv', '--out', 'out', ...mapping, '--json']);
  const planned = secondsSince(startedAt);
  expect(JSON.parse(check.stdout)).toMatchObject({
    compared: { same: 9_900, changed: 100, new: 0, gone: 0 },
    forecast: { briefs: 100 },
  });
  startedAt = performance.now();
  const second = await desk.run(run);
  const worked = secondsSince(startedAt);
  expect(second.code).toBe(0);
  expect(second.stderr).toContain('9,900 as before, 100 changed, 0 new');
  const bill = desk.simulator.bill();
  expect(bill.total).toMatchObject({ tasks: rows + 100, spent: rows + 100 });
  expect(bill.billedTwice).toEqual([]);
  expect((await desk.run(['verify', 'out'])).code).toBe(0);

  startedAt = performance.now();
  expect((await desk.run(run)).code).toBe(0);
  const nothing = secondsSince(startedAt);
  expect(desk.simulator.bill().total.tasks).toBe(rows + 100);
  console.log(
    `10,000 rows, 100 of them edited: check --out ${planned} s, the run ${worked} s; nothing edited: ${nothing} s`,
  );
});
