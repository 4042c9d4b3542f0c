import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readSecretFiles } from '../../src/session/environment.js';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rivya-batch-secrets-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function file(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

describe('secrets that stand in files', () => {
  test('are read without their last newline, and no more is taken off', async () => {
    const { values, faults } = readSecretFiles({
      RIVYA_API_KEY_FILE: await file('key', 'rvya_sk_one\n'),
      REDIS_URL_FILE: await file('url', 'redis://:p%40ss@redis:6379\r\n'),
      MONITOR_PASSWORD_FILE: await file('password', ' a long word \n\n'),
    });
    expect(faults).toEqual([]);
    expect(values).toEqual({
      RIVYA_API_KEY: 'rvya_sk_one',
      REDIS_URL: 'redis://:p%40ss@redis:6379',
      MONITOR_PASSWORD: ' a long word \n',
    });
  });

  test('no other variable is read from a file', async () => {
    const path = await file('origin', 'https://example.com');
    const { values, faults } = readSecretFiles({ RIVYA_BASE_URL_FILE: path });
    expect([values, faults]).toEqual([{}, []]);
  });

  test('S8: faults name the variables, all of them, and neither a value nor a path', async () => {
    const { values, faults } = readSecretFiles({
      RIVYA_API_KEY: 'rvya_sk_plain',
      RIVYA_API_KEY_FILE: await file('other', 'rvya_sk_other'),
      // The secret itself, where its file should be named.
      REDIS_URL_FILE: 'redis://:hunter2@redis:6379',
      MONITOR_PASSWORD_FILE: await file('empty', '\n'),
    });
    expect(values).toEqual({});
    expect(faults).toEqual([
      'RIVYA_API_KEY and RIVYA_API_KEY_FILE are both set: leave one of them out.',
      'REDIS_URL_FILE names a file that cannot be read (ENOENT).',
      'MONITOR_PASSWORD_FILE names a file that is empty.',
    ]);
  });

  test('a folder is no file', () => {
    const { faults } = readSecretFiles({ RIVYA_API_KEY_FILE: folder });
    expect(faults).toEqual(['RIVYA_API_KEY_FILE names a file that cannot be read (EISDIR).']);
  });
});
