import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { makeInputFolder } from '../../src/producer/compile-input.js';

/** Beyond what Linux gives to any process. */
const dead = 4_194_305;
const dayMs = 24 * 3_600_000;

test('clears away what a killed process left a day ago, and nothing that may be in use', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'rivya-batch-test-'));
  onTestFinished(() => rm(parent, { recursive: true }));
  const others = [`rivya-batch-input-${dead}-a`, `rivya-batch-input-${process.pid}-b`, 'photos'];
  for (const name of others) await mkdir(join(parent, name));
  const young = await makeInputFolder(parent);
  expect((await readdir(parent)).sort()).toEqual([...others, basename(young)].sort());
  const later = await makeInputFolder(parent, Date.now() + dayMs + 1_000);
  const left = [`rivya-batch-input-${process.pid}-b`, 'photos', basename(young), basename(later)];
  expect((await readdir(parent)).sort()).toEqual(left.sort());
});
