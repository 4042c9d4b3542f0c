import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';

const script = new URL('../../scripts/chaos.mjs', import.meta.url).pathname;

/** The totals that the script prints last. */
async function chaos(parameters: string[]): Promise<Record<string, unknown>> {
  const { stdout } = await promisify(execFile)(process.execPath, [script, ...parameters]);
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '{}');
}

describe('chaos of a few fixed seeds', () => {
  test('whatever happens, each brief is paid once and has one line (S1, S4, S6)', async () => {
    const small = ['--rounds', '1', '--at-once', '3', '--briefs', '5', '--window', '4'];
    expect(await chaos(['--seed', '11,12,13', ...small])).toMatchObject({
      seeds: [11, 12, 13],
      rounds: 3,
      briefs: 15,
      tasks: 15,
      duplicates: 0,
      linesTwice: 0,
      lost: 0,
      overspend: 0,
    });
  });
});
