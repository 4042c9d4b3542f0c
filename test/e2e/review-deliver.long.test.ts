import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import sharp from 'sharp';
import { describe, expect } from 'vitest';
import { type Desk, fast, test } from '../support/cli.js';

const rows = [
  ['00001', 'Lamp, red', 'lamp'],
  ['00002', 'LAMP', 'Lamp'],
  ['00003', 'con', 'con'],
  ['00004', '=SUM(A1)', 'hare'],
] as const;
const csv = `sku,title,handle\n${rows.map((row) => row.map((cell) => `"${cell}"`).join(',')).join('\n')}\n`;
const run = [
  ...['run', 'in.csv', '--out', 'out', '--id', 'sku', '--model', 'z-image'],
  ...['--prompt', 'Photo of {{title}}', ...fast, '--simulate'],
];
const profile = 'size=300x200,fit=contain,background=#fff,format=jpeg,quality=90';
const apply = ['review', 'out', '--apply'];
const shop = [...apply, '--name', '{{handle}}', '--deliver', profile];

/** As the page saves them: what was said of each row, in their order; null of one that nobody has looked at. */
async function say(desk: Desk, said: readonly (string | null)[], attempts = 1): Promise<void> {
  const lines = await desk.lines('out');
  const decisions = said.flatMap((decision, at) => {
    const line = lines.find(({ brief_id: id }) => id === rows[at]?.[0]);
    const [asset] = line?.assets ?? [];
    if (decision === null || asset === undefined) return [];
    const { sha256 } = asset;
    const of = { brief_id: line?.brief_id, attempt: attempts, sha256, decision };
    return [`${JSON.stringify({ ...of, at: '2026-06-02T09:00:00Z' })}\n`];
  });
  await desk.write('said.jsonl', decisions.join(''));
  expect(await desk.run(['review', 'out', '--take', 'said.jsonl'])).toMatchObject({ code: 0 });
}

async function openDecided(desk: Desk): Promise<Desk> {
  await desk.write('in.csv', csv);
  const made = await desk.run(run);
  expect({ code: made.code, stderr: made.stderr }).toMatchObject({ code: 0 });
  await say(desk, ['approved', 'approved', 'approved', 'rejected']);
  return desk;
}

const approved = async (desk: Desk) => (await readdir(join(desk.folder, 'out/approved'))).sort();

const tableOf = async (desk: Desk): Promise<Record<string, string>[]> =>
  parse(await desk.read('out/approved/approved.csv'), { columns: true });

describe.concurrent('from a finished run to a folder for the shop', () => {
  test('review --apply needs neither Redis nor the API, and verify stays clean (S5)', async ({
    openDesk,
  }) => {
    const desk = await openDecided(await openDesk());
    const environment = { REDIS_URL: 'redis://127.0.0.1:1', RIVYA_API_KEY: '' };
    const first = await desk.run(shop, { environment });
    expect({ code: first.code, stderr: first.stderr }).toMatchObject({ code: 0 });
    expect(first.stdout).toContain('out/approved holds 3 files of 3 approved briefs (3 written)');
    expect(await approved(desk)).toEqual(['Lamp~2.jpg', '_con.jpg', 'approved.csv', 'lamp.jpg']);
    expect(await tableOf(desk)).toEqual(
      ['lamp.jpg', 'Lamp~2.jpg', '_con.jpg'].map((file, at) => {
        const [sku = '', title = '', handle = ''] = rows[at] ?? [];
        return { sku, title, handle, file, brief_id: sku, output: '', text: '' };
      }),
    );
    for (const { file = '' } of await tableOf(desk)) {
      const picture = await readFile(join(desk.folder, 'out/approved', file));
      expect(await sharp(picture).metadata()).toMatchObject({
        ...{ format: 'jpeg', width: 300, height: 200, space: 'srgb' },
      });
    }
    const again = await desk.run([...shop, '--json'], { environment });
    expect(JSON.parse(again.stdout).delivered).toMatchObject({ files: 3, written: 0, removed: 0 });
    await say(desk, ['rejected', null, null, 'approved']);
    await writeFile(join(desk.folder, 'out/approved/_con.jpg'), 'retouched');
    const changed = await desk.run(shop, { environment });
    expect(changed.code, changed.stderr).toBe(0);
    expect(changed.stderr).toContain('1 file was changed, and is left as it is');
    expect(changed.stdout).toMatch(/3 files of 3 approved briefs \(2 written, 1 there already/);
    expect(await approved(desk)).toEqual(['Lamp.jpg', '_con.jpg', 'approved.csv', 'hare.jpg']);
    expect((await desk.run(['verify', 'out'])).code).toBe(0);
    // Whoever forgets what was in the folder forgets nothing of the run.
    expect((await desk.run(run)).code).toBe(0);
  });

  test('a part of the profile, or a column of the name, that is wrong is said before anything is written', async ({
    openDesk,
  }) => {
    const desk = await openDecided(await openDesk());
    const wrong = [
      [[...apply, '--deliver', 'size=2000x2000,format=gif'], '--deliver, format=gif'],
      [[...apply, '--name', '{{handel}}'], 'did you mean "handle"?'],
    ] as const;
    for (const [command, sentence] of wrong) {
      const refused = await desk.run([...command]);
      expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 2, stdout: '' });
      expect(refused.stderr).toContain(sentence);
    }
    await expect(approved(desk)).rejects.toThrow('ENOENT');
  });

  test('what is approved and damaged is told, and the exit code says so (S5)', async ({
    openDesk,
  }) => {
    const desk = await openDecided(await openDesk());
    await writeFile(join(desk.folder, 'out/assets/00002.png'), 'damaged');
    const told = await desk.run(apply);
    expect(told.code).toBe(3);
    expect(told.stderr).toContain('1 file is approved and could not be handed over');
    expect(told.stdout).toContain('2 files of 2 approved briefs');
  });
});
