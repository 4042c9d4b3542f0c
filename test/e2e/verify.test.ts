import { appendFile, cp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { Verification } from '../../src/results/verify/verify-folder.js';
import { type Desk, fast, mapping, productsCsv, test } from '../support/cli.js';

const run = ['run', 'in.csv', '--out', 'out', ...mapping, ...fast];

/** Nothing that verify may not use: no Redis there, no API there, no key. */
const alone = {
  REDIS_URL: 'redis://127.0.0.1:1',
  RIVYA_BASE_URL: 'http://127.0.0.1:1',
  RIVYA_API_KEY: '',
};

async function verified(desk: Desk, out: string): Promise<Verification & { code: number | null }> {
  const { code, stdout } = await desk.run(['verify', out, '--json'], { environment: alone });
  return { code, ...(JSON.parse(stdout) as Verification) };
}

const damages: Record<string, { expected: string; damage(out: string): Promise<unknown> }> = {
  'a flipped bit': {
    expected: 'asset_hash_differs',
    damage: async (out) => {
      const bytes = await readFile(join(out, 'assets/00002.png'));
      bytes[10] = (bytes[10] ?? 0) ^ 1;
      await writeFile(join(out, 'assets/00002.png'), bytes);
    },
  },
  'a file cut off': {
    expected: 'asset_bytes_differ',
    damage: (out) => truncate(join(out, 'assets/00002.png'), 10),
  },
  'a file deleted': {
    expected: 'asset_missing',
    damage: (out) => rm(join(out, 'assets/00002.png')),
  },
  'a line twice': {
    expected: 'line_twice',
    damage: async (out) => {
      const text = await readFile(join(out, 'manifest.jsonl'), 'utf8');
      await appendFile(join(out, 'manifest.jsonl'), text.slice(0, text.indexOf('\n') + 1));
    },
  },
  'a line removed': {
    expected: 'line_missing',
    damage: async (out) => {
      const text = await readFile(join(out, 'manifest.jsonl'), 'utf8');
      await writeFile(join(out, 'manifest.jsonl'), text.slice(text.indexOf('\n') + 1));
    },
  },
  'a last line torn': {
    expected: 'line_torn',
    damage: async (out) => {
      const { length } = await readFile(join(out, 'manifest.jsonl'));
      await truncate(join(out, 'manifest.jsonl'), length - 30);
    },
  },
};

describe.concurrent('verify, from the folder alone', () => {
  test('what a run left holds; each kind of damage is found, exit 1 (S4, S5)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', `${productsCsv(4)}00001,Product 1\n00005,\n`);
    expect((await desk.run([...run, '--skip-invalid'])).code).toBe(0);
    const whole = await verified(desk, 'out');
    expect(whole).toMatchObject({ code: 0, ok: true, state: 'finished', problems: [] });
    expect(whole.warnings).toEqual([]);
    expect(whole.checked).toMatchObject({ lines: 4, assets: 4 });
    for (const [name, { expected, damage }] of Object.entries(damages)) {
      await cp(join(desk.folder, 'out'), join(desk.folder, name), { recursive: true });
      await damage(join(desk.folder, name));
      const found = await verified(desk, name);
      expect({ name, code: found.code, codes: found.problems.map(({ code }) => code) }).toEqual({
        name,
        code: 1,
        codes: [expected],
      });
    }
  });

  test('says it in plain words', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(3));
    expect((await desk.run(run)).code).toBe(0);
    const whole = await desk.run(['verify', 'out'], { environment: alone });
    expect(whole.stdout).toMatch(
      /^3 lines, 3 files, [\d.]+ \w+ re-hashed: all as the manifest says/,
    );
    await rm(join(desk.folder, 'out/assets/00002.png'));
    const broken = await desk.run(['verify', 'out'], { environment: alone });
    expect(broken.code).toBe(1);
    expect(broken.stdout).toContain('1 problem found');
    expect(broken.stdout).toContain('Brief "00002": "assets/00002.png" is not there.');
  });

  test('a folder that is none of ours: exit 2', async ({ openDesk }) => {
    const desk = await openDesk();
    for (const folder of ['.', 'nowhere']) {
      const { code, stderr } = await desk.run(['verify', folder], { environment: alone });
      expect({ folder, code }).toEqual({ folder, code: 2 });
      expect(stderr).not.toMatch(/\n\s+at /);
    }
  });

  test('a run that was stopped can be verified, and says so', async ({ openDesk }) => {
    const desk = await openDesk({ credits: 2 });
    await desk.write('in.csv', productsCsv(5));
    expect((await desk.run([...run, '--no-wait'])).code).toBe(4);
    const { code, state, pending, warnings } = await verified(desk, 'out');
    expect({ code, state, pending }).toEqual({ code: 0, state: 'unfinished', pending: 3 });
    expect(warnings).toMatchObject([{ code: 'unfinished' }]);
  });
});

describe.concurrent('status --failed', () => {
  test('groups what did not succeed by code, with an example and a remedy', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ faults: ['task-fails=nsfw/refunded:2x'] });
    await desk.write('in.csv', productsCsv(4));
    expect((await desk.run(run)).code).toBe(3);
    expect(await verified(desk, 'out')).toMatchObject({ code: 0, ok: true });
    const lines = await desk.lines('out');
    const failed = lines.filter((line) => line.status === 'failed');
    const json = await desk.run(['status', 'out', '--failed', '--json']);
    expect(json.code).toBe(0);
    const told = JSON.parse(json.stdout);
    expect(told).toMatchObject({
      batch: 'out',
      not_succeeded: 2,
      groups: [
        {
          code: 'nsfw',
          count: 2,
          statuses: { failed: 2 },
          example: { brief_id: failed[0]?.brief_id, message: failed[0]?.error?.message },
        },
      ],
    });
    const text = await desk.run(['status', 'out', '--failed']);
    expect(text.stdout).toContain('2 of 4 briefs did not succeed');
    expect(text.stdout).toContain('2 x nsfw (2 failed)');
    expect(text.stdout).toContain(told.groups[0].remedy);
  });

  test('needs a batch; a folder that is elsewhere is a sentence', async ({ openDesk }) => {
    const desk = await openDesk();
    expect((await desk.run(['status', '--failed'])).code).toBe(2);
    await desk.write('in.csv', productsCsv(1));
    expect((await desk.run(run)).code).toBe(0);
    expect((await desk.run(['status', 'out', '--failed'])).stdout).toContain('no brief failed');
    await rm(join(desk.folder, 'out'), { recursive: true });
    const gone = await desk.run(['status', 'out', '--failed']);
    expect(gone.code).toBe(2);
    expect(gone.stderr).toMatch(/no .*manifest\.jsonl on this machine/);
  });
});
