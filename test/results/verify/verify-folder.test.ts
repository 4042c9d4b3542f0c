import { appendFile, mkdir, mkdtemp, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Verification } from '../../../src/results/verify/verify-folder.js';
import { verifyFolder } from '../../../src/results/verify/verify-folder.js';
import { BatchError } from '../../../src/shared/errors.js';
import { assetOf, briefLine, ResultsFolder } from '../results-folder.js';

const codes = (findings: Verification['problems'] | Verification['warnings']) =>
  findings.map((finding) => finding.code);

async function problemsAfter(
  damage: (folder: ResultsFolder) => Promise<unknown>,
): Promise<Verification['problems']> {
  const folder = await ResultsFolder.make();
  await damage(folder);
  const { ok, problems } = await verifyFolder(folder.path);
  expect(ok).toBe(problems.length === 0);
  return problems;
}

describe('a folder as a run leaves it', () => {
  it('holds: every file is read to its end, every count agrees (S4, S5)', async () => {
    const folder = await ResultsFolder.make();
    expect(await verifyFolder(folder.path)).toEqual({
      ok: true,
      batch: 'spring',
      state: 'finished',
      pending: 0,
      checked: { lines: 4, assets: 3, bytes: 27 },
      problems: [],
      warnings: [],
    });
  });

  it('holds with temporaries, files of retried lines, and several faults of one rejected row', async () => {
    const folder = await ResultsFolder.make();
    await folder.write('assets/.0b5e.part', 'half a pic');
    const retried = briefLine('d', 4, [await folder.asset('assets/d.png', 'first try')]);
    await folder.write('history.jsonl', `${JSON.stringify(retried)}\n`);
    const faults = [2, 2, 7].map((row) => JSON.stringify({ source: 'in.csv', row, reason: 'x' }));
    await folder.write('rejected.jsonl', `${faults.join('\n')}\n`);
    // The retried attempt was charged as well.
    await folder.report({ rejected: 2, briefs: 6 }, { credits: { spent: 4 } });
    expect(await verifyFolder(folder.path)).toMatchObject({ ok: true, warnings: [] });
  });

  it('may be unfinished, which it says', async () => {
    const folder = await ResultsFolder.make();
    await rm(folder.at('manifest.csv'));
    await folder.report({ admitted: 9, briefs: 9, pending: 5 }, { state: 'unfinished' });
    const { ok, state, pending, warnings } = await verifyFolder(folder.path);
    expect({ ok, state, pending }).toEqual({ ok: true, state: 'unfinished', pending: 5 });
    expect(codes(warnings)).toEqual(['unfinished']);
  });

  it('may have been cut off while a line was written: the next run repairs that', async () => {
    const folder = await ResultsFolder.make();
    await folder.report({ admitted: 9, briefs: 9, pending: 5 }, { state: 'unfinished' });
    await appendFile(folder.at('manifest.jsonl'), '{"brief_id":"e","ba');
    const { ok, warnings } = await verifyFolder(folder.path);
    expect(ok).toBe(true);
    expect(warnings[1]).toMatchObject({ code: 'line_torn', row: 5 });
    expect(warnings[1]?.message).toMatch(/next run .*repairs/);
  });

  it('may have grown since run.json was written, as long as that says unfinished', async () => {
    const folder = await ResultsFolder.make();
    const counts = { admitted: 9, briefs: 9, succeeded: 2, failed: 0, pending: 7 };
    await folder.report(counts, { state: 'unfinished' });
    const { ok, warnings } = await verifyFolder(folder.path);
    expect({ ok, codes: codes(warnings) }).toEqual({
      ok: true,
      codes: ['unfinished', 'report_outdated'],
    });
  });

  it('counts unknown lines as reserved, not as spent', async () => {
    const folder = await ResultsFolder.make();
    await folder.change('c', { status: 'unknown', credits: { reserved: 1, final: null } });
    await folder.report({ succeeded: 2, unknown: 1 }, { credits: { spent: 2 } });
    expect((await verifyFolder(folder.path)).problems).toEqual([]);
  });

  it('warns of files that no line names', async () => {
    const folder = await ResultsFolder.make();
    await folder.write('assets/holiday.png', 'mine');
    const { ok, warnings } = await verifyFolder(folder.path);
    expect(ok).toBe(true);
    expect(warnings).toMatchObject([{ code: 'left_over', path: 'assets/holiday.png' }]);
  });
});

describe('damage to files (S5)', () => {
  it('a flipped bit', async () => {
    const problems = await problemsAfter(async (folder) => {
      const bytes = await readFile(folder.at('assets/b.png'));
      bytes[3] = (bytes[3] ?? 0) ^ 1;
      await folder.write('assets/b.png', bytes);
    });
    expect(problems).toMatchObject([
      { code: 'asset_hash_differs', brief_id: 'b', path: 'assets/b.png', row: 2 },
    ]);
  });

  it('a flipped bit far into a file that is read in pieces', async () => {
    const folder = await ResultsFolder.make();
    const content = 'x'.repeat(3_000_000);
    const asset = await folder.asset('assets/b.png', content);
    await folder.change('b', { assets: [asset] });
    expect((await verifyFolder(folder.path)).ok).toBe(true);
    await folder.write(asset.path, `${content.slice(0, -1)}y`);
    expect(codes((await verifyFolder(folder.path)).problems)).toEqual(['asset_hash_differs']);
  });

  it('a file cut off, one grown, one gone: all are named', async () => {
    const problems = await problemsAfter(async (folder) => {
      await truncate(folder.at('assets/a.png'), 4);
      await appendFile(folder.at('assets/b.png'), 'more');
      await rm(folder.at('assets/c.png'));
    });
    expect(problems).toMatchObject([
      { code: 'asset_missing', brief_id: 'c' },
      { code: 'asset_bytes_differ', brief_id: 'a' },
      { code: 'asset_bytes_differ', brief_id: 'b' },
    ]);
    expect(problems[1]?.message).toContain('it has 4 bytes, the manifest says 9');
  });

  it('something that is no file', async () => {
    const problems = await problemsAfter(async (folder) => {
      await rm(folder.at('assets/a.png'));
      await mkdir(folder.at('assets/a.png'));
    });
    expect(codes(problems)).toEqual(['asset_not_a_file']);
  });

  it('two lines that name one file, also without regard to case', async () => {
    const problems = await problemsAfter(async (folder) => {
      const asset = await folder.asset('assets/A.PNG', 'another');
      await folder.change('d', { assets: [asset] });
      await folder.change('c', { assets: [assetOf('assets/b.png', 'picture b')] });
    });
    expect(problems).toMatchObject([
      { code: 'asset_shared', brief_id: 'c', path: 'assets/b.png' },
      { code: 'asset_shared', brief_id: 'd', path: 'assets/A.PNG' },
    ]);
  });
});

it('a folder without manifest.jsonl and run.json, and no folder at all, are refused', async () => {
  const empty = await mkdtemp(join(tmpdir(), 'no-results-'));
  onTestFinished(() => rm(empty, { recursive: true, force: true }));
  for (const path of [empty, join(empty, 'nowhere')]) {
    const error = await verifyFolder(path).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(BatchError);
    expect(error).toMatchObject({ code: 'bad_input' });
  }
});
