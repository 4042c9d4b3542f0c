import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type Machine, thisMachine } from '../../../src/store/private/home.js';
import { findRedisProgram } from '../../../src/store/private/start-redis.js';
import { endEverything, temporaryHome } from '../real-redis.js';

afterEach(endEverything);

/** A system without usual folders, so that only PATH counts. */
const machineWith = (searchPath: string): Machine => ({
  ...thisMachine(),
  platform: 'freebsd',
  searchPath,
});

test('takes redis-server or valkey-server from PATH, and nothing that cannot be run', async () => {
  const folder = await temporaryHome();
  await mkdir(join(folder, 'redis-server'));
  const machine = machineWith(`/nowhere:${folder}`);
  expect(findRedisProgram(machine)).toBeNull();
  await writeFile(join(folder, 'valkey-server'), '#!/bin/sh\n');
  expect(findRedisProgram(machine)).toBeNull();
  await chmod(join(folder, 'valkey-server'), 0o755);
  expect(findRedisProgram(machine)).toBe(join(folder, 'valkey-server'));
});

test('never takes a program from the current folder', () => {
  expect(findRedisProgram(machineWith(':.:bin'))).toBeNull();
});
