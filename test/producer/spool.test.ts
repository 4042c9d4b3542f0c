import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readBriefs, Spool, spoolBrief } from '../../src/producer/spool.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rivya-batch-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

function preparedRow(position: number) {
  return {
    id: `sku ${position} 名`,
    output: null,
    axes: [] as number[],
    before: [],
    files: [],
    fileHoles: 0,
    name: null,
    model: 'z-image',
    fingerprint: String(position).padStart(32, '0'),
    origin: `{"row":${position}}`,
    // Lengths that put line ends at every place around the ends of reads, and some rows larger than a read.
    body: JSON.stringify({ prompt: '猫'.repeat(position % 500 === 0 ? 700_000 : position % 97) }),
  };
}

it('gives back what was put in, in order, again and again', async () => {
  const spool = await Spool.create(join(folder, 'rows'));
  const count = 6000;
  for (let position = 0; position < count; position++) {
    spoolBrief(spool, preparedRow(position), 1);
    if (spool.isFull) await spool.flush();
  }
  await spool.flush();
  await spool.close();
  for (let pass = 0; pass < 2; pass++) {
    let position = 0;
    for await (const brief of readBriefs(spool)) {
      const {
        model: _,
        output: _output,
        axes: _axes,
        before: _before,
        files: _files,
        fileHoles: _fileHoles,
        name: _name,
        ...expected
      } = preparedRow(position);
      expect(brief).toEqual({ ...expected, waits: false });
      position++;
    }
    expect(position).toBe(count);
  }
});

it('makes variants of each row, side by side', async () => {
  const spool = await Spool.create(join(folder, 'variants'));
  spoolBrief(spool, { ...preparedRow(1), axes: [3], id: 'a' }, 1);
  spoolBrief(spool, { ...preparedRow(2), axes: [2], id: 'b/1' }, 1);
  await spool.flush();
  await spool.close();
  const ids: string[] = [];
  const bodies = new Set<string>();
  for await (const { id, body } of readBriefs(spool)) {
    ids.push(id);
    bodies.add(body);
  }
  expect(ids).toEqual(['a/1', 'a/2', 'a/3', 'b/1/1', 'b/1/2']);
  expect(bodies.size).toBe(2);
});

it('can be left in the middle and when it is empty', async () => {
  const spool = await Spool.create(join(folder, 'empty'));
  await spool.close();
  for await (const brief of readBriefs(spool)) throw new Error(`there is ${brief.id}`);
});
