import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { auditRun } from '../support/audit-run.js';
import { fast, test } from '../support/cli.js';
import { filesByPrompt, shots, shotsCsv, writePictures } from '../support/reference-desk.js';

const run = ['run', 'in.csv', '--out', 'out', ...shots];
const pairOf = (row: number) => [(row % 12) + 1, ((row + 5) % 12) + 1];

describe.concurrent('files as references', () => {
  test('200 rows that share 12 files: 12 uploads, 200 tasks, their order kept (S1, S4, S7)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    const hashes = await writePictures(desk, 12);
    await desk.write('in.csv', shotsCsv(200, pairOf));
    const checked = await desk.run(['check', 'in.csv', ...shots, '--json']);
    expect(JSON.parse(checked.stdout)).toMatchObject({ briefs: 200, uploads: 12 });
    expect(desk.simulator.bill().uploads.files).toBe(0);
    expect((await desk.run([...run, ...fast])).code).toBe(0);
    expect(await auditRun(desk, { out: 'out', batch: 'in', briefs: 200 })).toEqual([]);
    const bill = desk.simulator.bill();
    expect(bill.uploads).toEqual({ files: 12, repeated: {} });
    expect((await desk.report('out')).requests).toMatchObject({ submits: 200, uploads: 12 });
    const asked = filesByPrompt(desk);
    for (let row = 0; row < 200; row++) {
      const wanted = pairOf(row).map((number) => hashes[number - 1]);
      expect(asked.get(`Shot ${row + 1}`)).toEqual(wanted);
    }
    const [line] = await desk.lines('out');
    expect(line?.references).toHaveLength(2);
    expect(line?.references[0]).toMatch(/^photos\/\d+\.png$/);
    expect(await desk.read('out/manifest.jsonl')).not.toContain('signature');
  });
});
