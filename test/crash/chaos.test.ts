import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';

const script = new URL('../../scripts/chaos.mjs', import.meta.url).pathname;

/** The totals that the script prints last. */
async function chaos(parameters: string[]): Promise<Record<string, number>> {
  const { stdout } = await promisify(execFile)(process.execPath, [script, ...parameters]);
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '{}');
}

describe.concurrent('chaos of a fixed seed', () => {
  test.for([11, 12, 13])(
    '%d: whatever happens, each brief is paid once and has one line (S1, S4, S6)',
    async (seed) => {
      const small = ['--rounds', '1', '--at-once', '1', '--briefs', '5', '--window', '4'];
      expect(await chaos(['--seed', String(seed), ...small])).toMatchObject({
        rounds: 1,
        briefs: 5,
        tasks: 5,
        duplicates: 0,
        linesTwice: 0,
        lost: 0,
        overspend: 0,
      });
    },
  );
});
