import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { mapping, test } from '../support/cli.js';
import { makeSheet, type TestCell } from '../support/workbook.js';

const bundled = new URL('../../dist/bin/rivya-batch.js', import.meta.url).pathname;
const mostKilobytes = 400_000;
/** Kilobytes that the process has taken at most, said when it ends. */
const tellPeak = `data:text/javascript,process.on('exit', () => console.error('peak ' + process.resourceUsage().maxRSS))`;

test('checks a workbook of 100,000 rows and 12 columns in less than 400 MB', async ({
  openDesk,
}) => {
  const desk = await openDesk();
  const colours = ['red', 'green', 'blue'];
  const rows = Array.from({ length: 100_000 }, (_, index): TestCell[] => [
    { value: index, format: '000000' },
    `Studio lamp number ${index} of brass and glass`,
    `Lamps ${index % 50}`,
    colours[index % 3] ?? null,
    { value: index / 100, format: '#,##0.00 "€"' },
    index % 500,
    4006381000000 + index,
    { value: 46000 + (index % 365), format: 'yyyy-mm-dd' },
    `https://shop.example/products/lamp-${index}.jpg`,
    `A longer text about lamp ${index}: made by hand in a small workshop, and sent within two days.`,
    index % 2 === 0,
    index * 1.1,
  ]);
  const header = ['sku', 'title', 'category', 'colour', 'price', 'stock', 'ean'];
  const book = makeSheet([[...header, 'made', 'url', 'notes', 'active', 'weight'], ...rows]);
  await desk.write('large.xlsx', book);
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['--import', tellPeak, bundled, 'check', 'large.xlsx', ...mapping, '--json'],
    { cwd: desk.folder, env: desk.environment, maxBuffer: 16 * 1024 * 1024 },
  );
  expect(JSON.parse(stdout)).toMatchObject({ rows: 100_000, briefs: 100_000, warnings: [] });
  const peak = Number(/^peak (\d+)$/m.exec(stderr)?.[1]);
  expect(peak).toBeGreaterThan(0);
  expect(peak).toBeLessThan(mostKilobytes);
});
