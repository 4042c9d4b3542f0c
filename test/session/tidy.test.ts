import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Settings } from '../../src/session/environment.js';
import type { StoreSession } from '../../src/session/store-session.js';
import { tidyUp } from '../../src/session/tidy.js';
import { openBatchDesk } from '../batch/batch-desk.js';
import { temporaryFolder } from '../worker/stages/stage-bench.js';

const dayMs = 24 * 60 * 60_000;

it('fetched references go once no batch in Redis names them, and what is young stays', async () => {
  const { run, redis, prefix, context } = await openBatchDesk();
  const { ledger } = await run(['a,fox']);
  const home = await temporaryFolder();
  const folder = join(home, 'references');
  await mkdir(folder);
  const [named, old, young] = ['a', 'b', 'c'].map((letter) => letter.repeat(64)) as [
    string,
    string,
    string,
  ];
  const parts = ['.0123456789abcdef.part', '.fedcba9876543210.part'] as const;
  const aged = async (name: string, days: number) => {
    const path = join(folder, name);
    await writeFile(path, 'abc');
    const at = (Date.now() - days * dayMs) / 1_000;
    await utimes(path, at, at);
  };
  await Promise.all([aged(named, 8), aged(old, 8), aged(young, 6), aged(parts[0], 2)]);
  await Promise.all([aged(parts[1], 0), aged('mine.png', 99)]);
  const notes = ['.etag-0', '.etag-1'];
  await Promise.all(notes.map((note) => aged(note, 8)));
  for (const [index, hash] of [young, old].entries()) {
    const path = join(folder, notes[index] ?? '');
    await writeFile(path, `${hash} "etag"`);
    await utimes(path, 1, 1);
  }
  const where = { path: join(folder, named), bytes: 3, mediaType: 'image/png', name: 'a.png' };
  await ledger.references.keepFiles([{ sha256: named, ...where }]);
  let nowMs = context.clock.now();
  const settings = { prefix, home } as Settings;
  const session = { connection: redis, settings, clock: { now: () => nowMs } } as StoreSession;
  await tidyUp(session);
  expect((await readdir(folder)).sort()).toEqual(
    [parts[1], notes[0], named, young, 'mine.png'].sort(),
  );
  nowMs += 8 * dayMs;
  await tidyUp(session);
  expect(await ledger.meta()).toMatchObject({ shelved: true });
  expect((await readdir(folder)).sort()).toEqual([parts[1], notes[0], young, 'mine.png'].sort());
});
