import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { beforeAll, expect, it } from 'vitest';
import { manifestLine } from '../shared/manifest-lines.js';

const dist = new URL('../../dist/', import.meta.url).href;
const count = 500_000;
/** Half of what an object and a text for each of the lines would take. */
const heapMegabytes = 40;
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rivya-batch-large-'));
  const text = JSON.stringify(manifestLine({ brief_id: 'ID', seq: 12345, assets: [] }));
  await pipeline(
    Readable.from(
      (function* () {
        // The last brief ended first.
        for (let seq = count; seq > 0; seq -= 1) {
          const id = `${seq}-${'of-a-large-catalogue-'.repeat(3)}`;
          yield `${text.replace('"ID"', JSON.stringify(id)).replace('"seq":12345', `"seq":${seq}`)}\n`;
        }
      })(),
    ),
    createWriteStream(join(folder, 'manifest.jsonl')),
  );
  return () => rm(folder, { recursive: true });
});

/** What code prints that knows `out`, run with a heap in which the lines have no place. */
async function inSmallHeap(code: string): Promise<string> {
  const flags = [`--max-old-space-size=${heapMegabytes}`, '--max-semi-space-size=2'];
  const own = `const dist = ${JSON.stringify(dist)}; const out = ${JSON.stringify(folder)};`;
  const script = ['--input-type=module', '-e', own + code];
  const child = spawn(process.execPath, [...flags, ...script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [printed, said] = ['', ''];
  child.stdout.on('data', (piece: Buffer) => {
    printed += piece;
  });
  child.stderr.on('data', (piece: Buffer) => {
    said += piece;
  });
  const [exitCode] = await once(child, 'close');
  expect({ exitCode, said: said.slice(0, 2_000) }).toEqual({ exitCode: 0, said: '' });
  return printed.trim();
}

it('S4: half a million lines come in the order of the input, held by their places alone', async () => {
  const printed = await inSmallHeap(`
    const { ManifestFile } = await import(dist + 'results/manifest.js');
    const manifest = await ManifestFile.read(out);
    let seq = 0;
    let kept = 'in order';
    for await (const line of manifest.lines()) if (line.seq !== ++seq) kept = 'not in order';
    console.log(manifest.size, seq, kept);
  `);
  expect(printed).toBe(`${count} ${count} in order`);
});

it('S4: half a million lines are proved, each id known by its hash alone', async () => {
  const printed = await inSmallHeap(`
    const { verifyFolder } = await import(dist + 'results/verify/verify-folder.js');
    const { checked, problems } = await verifyFolder(out);
    console.log(checked.lines, problems.map(({ code }) => code).join());
  `);
  expect(printed).toBe(`${count} report_missing`);
});

it('half a million lines are compared with, each content known by its hash alone', async () => {
  const printed = await inSmallHeap(`
    const { FolderComparison } = await import(dist + 'batch/compare.js');
    const compared = await FolderComparison.with(out);
    for await (const _brief of compared.toBeMade([])) console.log('made');
    console.log(compared.comparison.gone);
  `);
  expect(printed).toBe(String(count));
});
