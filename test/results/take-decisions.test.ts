import { appendFile, readFile } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { type Decision, decisionsMark, readDecisions } from '../../src/results/decisions.js';
import { takeDecisions } from '../../src/results/take-decisions.js';
import { ResultsFolder } from './results-folder.js';

const at = '2026-06-02T09:00:00.000Z';

/** What a reviewer said of the file that a brief has. */
async function decisionOn(
  folder: ResultsFolder,
  briefId: string,
  patch: Partial<Decision> = {},
): Promise<Decision> {
  const line = (await folder.lines()).find(({ brief_id: id }) => id === briefId);
  const sha256 = line?.assets[0]?.sha256 ?? 'f'.repeat(64);
  const said = { brief_id: briefId, attempt: 1, sha256, decision: 'approved' } as const;
  return { ...said, note: null, prompt: null, at, ...patch };
}

const jsonl = (decisions: readonly unknown[]) =>
  decisions.map((decision) => `${JSON.stringify(decision)}\n`).join('');

async function take(folder: ResultsFolder, text: string, name = 'said.jsonl') {
  await folder.write(name, text);
  return takeDecisions(folder.path, folder.at(name));
}

const kept = (folder: ResultsFolder) => readFile(folder.at('decisions.jsonl'), 'utf8');

describe('what is taken', () => {
  it('keeps each decision about a file that is there, and counts what was said', async () => {
    const folder = await ResultsFolder.make();
    const decisions = [
      await decisionOn(folder, 'a', { note: 'fine\n"really"' }),
      await decisionOn(folder, 'b', { decision: 'rejected' }),
      await decisionOn(folder, 'c', { decision: 'again', prompt: 'A hare' }),
    ];
    const result = await take(folder, jsonl(decisions));
    expect(result).toEqual({
      taken: { approved: 1, rejected: 1, again: 1, undecided: 0 },
      known: 0,
      left_out: {},
    });
    expect(await kept(folder)).toBe(jsonl(decisions));
  });

  it('takes a verdict back where the last word is that nothing is decided', async () => {
    const folder = await ResultsFolder.make();
    await take(folder, jsonl([await decisionOn(folder, 'a'), await decisionOn(folder, 'b')]));
    const back = await decisionOn(folder, 'a', { decision: 'undecided' });
    expect((await take(folder, jsonl([back]))).taken).toMatchObject({ approved: 0, undecided: 1 });
    const decisions = await readDecisions(folder.path);
    const [a, b] = await folder.lines();
    expect([a && decisions.of(a), b && decisions.of(b)]).toEqual([null, 'approved']);
    await take(folder, jsonl([await decisionOn(folder, 'a', { decision: 'rejected' })]));
    expect(a && (await readDecisions(folder.path)).of(a)).toBe('rejected');
  });

  it('adds nothing when the same file comes twice, also after another one', async () => {
    const folder = await ResultsFolder.make();
    const first = jsonl([await decisionOn(folder, 'a')]);
    const other = jsonl([await decisionOn(folder, 'a', { decision: 'rejected' })]);
    await take(folder, first);
    await take(folder, other);
    const before = await kept(folder);
    expect(await take(folder, first)).toMatchObject({ taken: { approved: 0 }, known: 1 });
    expect(await kept(folder)).toBe(before);
    const [a] = await folder.lines();
    expect(a && (await readDecisions(folder.path)).of(a)).toBe('rejected');
  });

  it('adds nothing when a folder takes its own file', async () => {
    const folder = await ResultsFolder.make();
    await take(folder, jsonl([await decisionOn(folder, 'a'), await decisionOn(folder, 'b')]));
    const before = await kept(folder);
    const own = await takeDecisions(folder.path, folder.at('decisions.jsonl'));
    expect(own).toMatchObject({ known: 2, left_out: {} });
    expect(await kept(folder)).toBe(before);
  });

  it('tells what it leaves out, and why: another brief, attempt or file, or none', async () => {
    const folder = await ResultsFolder.make();
    const lines = [
      await decisionOn(folder, 'nobody'),
      await decisionOn(folder, 'a', { attempt: 2 }),
      await decisionOn(folder, 'b', { sha256: 'e'.repeat(64) }),
      // It failed: there is nothing that somebody could have looked at.
      await decisionOn(folder, 'd'),
      await decisionOn(folder, 'c'),
    ];
    const result = await take(folder, jsonl(lines));
    expect(result.taken.approved).toBe(1);
    expect(result.left_out).toMatchObject({
      unknown_brief: { count: 1, first: [{ row: 1, brief_id: 'nobody' }] },
      other_attempt: { count: 1, first: [{ row: 2, brief_id: 'a' }] },
      other_file: {
        count: 2,
        first: [
          { row: 3, brief_id: 'b' },
          { row: 4, brief_id: 'd' },
        ],
      },
    });
    expect(await kept(folder)).toBe(jsonl(lines.slice(4)));
  });

  it('names the first few of many', async () => {
    const folder = await ResultsFolder.make();
    const lines = await Promise.all(
      Array.from({ length: 40 }, (_, index) => decisionOn(folder, `gone ${index}`)),
    );
    const { unknown_brief: unknown } = (await take(folder, jsonl(lines))).left_out;
    expect(unknown?.count).toBe(40);
    expect(unknown?.first).toHaveLength(5);
  });

  it('tells rows that cannot be read with their number, and takes the others', async () => {
    const folder = await ResultsFolder.make();
    const good = JSON.stringify(await decisionOn(folder, 'a'));
    const wrong = [
      await decisionOn(folder, 'a', { decision: 'maybe' as 'again' }),
      await decisionOn(folder, 'a', { attempt: 0 }),
      await decisionOn(folder, 'a', { sha256: 'short' }),
      await decisionOn(folder, 'a', { at: 'yesterday' }),
      [],
    ];
    // Saved by an editor of another system: a mark of its encoding, its line ends, and none behind the last line.
    const text = `\ufeff{"brief_id":\r\n\r\n${jsonl(wrong).replaceAll('\n', '\r\n')}${good}`;
    const result = await take(folder, text);
    expect(result.taken.approved).toBe(1);
    expect(result.left_out.unreadable?.first.map(({ row }) => row)).toEqual([1, 3, 4, 5, 6]);
    expect(result.left_out.unreadable?.count).toBe(6);
    expect(result.left_out.unreadable?.first.map(({ reason }) => reason)).toEqual([
      'it is not JSON',
      expect.stringMatching(/^decision must be "approved", /),
      'attempt must be more than 0',
      'sha256 must be 64 hex digits',
      'at must be a time such as 2026-06-01T12:00:00Z',
    ]);
  });

  it('refuses a file that holds no decision, and one that is not there', async () => {
    const folder = await ResultsFolder.make();
    await expect(take(folder, 'sku,title\n1,lamp\n')).rejects.toMatchObject({ code: 'bad_input' });
    await expect(takeDecisions(folder.path, folder.at('none'))).rejects.toMatchObject({
      code: 'bad_input',
    });
    await expect(kept(folder)).rejects.toThrow('ENOENT');
  });

  it('loses nothing of two who take at once, and adds nothing twice', async () => {
    const folder = await ResultsFolder.make();
    const both = [await decisionOn(folder, 'a'), await decisionOn(folder, 'b')];
    const results = await Promise.all([
      take(folder, jsonl(both), '1.jsonl'),
      take(folder, jsonl([...both, await decisionOn(folder, 'c')]), '2.jsonl'),
      take(folder, jsonl(both), '3.jsonl'),
    ]);
    const taken = results.reduce((sum, { taken: { approved } }) => sum + approved, 0);
    expect(taken).toBe(3);
    expect(
      (await kept(folder))
        .split('\n')
        .filter((row) => row !== '')
        .sort(),
    ).toEqual(
      jsonl([...both, await decisionOn(folder, 'c')])
        .trimEnd()
        .split('\n')
        .sort(),
    );
  });
});

describe('a file of decisions that was cut off', () => {
  it('takes no other decision with it, and the same file makes it whole', async () => {
    const folder = await ResultsFolder.make();
    const [a, b] = [await decisionOn(folder, 'a'), await decisionOn(folder, 'b')];
    await take(folder, jsonl([a]));
    await appendFile(folder.at('decisions.jsonl'), JSON.stringify(b).slice(0, 40));
    expect(await take(folder, jsonl([a, b]))).toMatchObject({ taken: { approved: 1 }, known: 1 });
    const decisions = await readDecisions(folder.path);
    const said = (await folder.lines()).map((line) => decisions.of(line));
    expect(said).toEqual(['approved', 'approved', null, null]);
  });
});

describe('what counts', () => {
  it('is the last for a brief and attempt, of the file that is there', async () => {
    const folder = await ResultsFolder.make();
    const rows = [
      await decisionOn(folder, 'a', { decision: 'rejected' }),
      await decisionOn(folder, 'a', { decision: 'again' }),
      await decisionOn(folder, 'b'),
      // Of the second attempt of a brief that is at its first here.
      await decisionOn(folder, 'b', { attempt: 2, decision: 'rejected' }),
      await decisionOn(folder, 'c', { sha256: 'e'.repeat(64) }),
    ];
    await folder.write('decisions.jsonl', jsonl(rows));
    const decisions = await readDecisions(folder.path);
    const said = (await folder.lines()).map((line) => decisions.of(line));
    expect(said).toEqual(['again', 'approved', null, null]);
    const sha256 = rows[3]?.sha256 ?? '';
    expect(decisions.verdictOn('b', 2, sha256)).toBe('rejected');
  });

  it('stands in manifest.csv as soon as it is taken', async () => {
    const folder = await ResultsFolder.make();
    await take(folder, jsonl([await decisionOn(folder, 'b', { decision: 'rejected' })]));
    const table = parse(await readFile(folder.at('manifest.csv'), 'utf8'), { columns: true });
    expect((table as { decision: string }[]).map(({ decision }) => decision)).toEqual([
      '',
      'rejected',
      '',
      '',
    ]);
  });

  it('leaves a mark that is another one after each change, and the same without', async () => {
    const folder = await ResultsFolder.make();
    const marks = [await decisionsMark(folder.path)];
    for (const briefId of ['a', 'b', 'b']) {
      await take(folder, jsonl([await decisionOn(folder, briefId)]));
      marks.push(await decisionsMark(folder.path));
    }
    expect(new Set(marks.slice(0, 3)).size).toBe(3);
    expect(marks[3]).toBe(marks[2]);
  });
});
