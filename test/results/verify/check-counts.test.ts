import { appendFile, readFile, rm, truncate } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { Verification } from '../../../src/results/verify/verify-folder.js';
import { verifyFolder } from '../../../src/results/verify/verify-folder.js';
import { briefLine, ResultsFolder } from '../results-folder.js';

async function verificationAfter(
  damage: (folder: ResultsFolder) => Promise<unknown>,
): Promise<Verification> {
  const folder = await ResultsFolder.make();
  await damage(folder);
  const verification = await verifyFolder(folder.path);
  expect(verification.ok).toBe(verification.problems.length === 0);
  return verification;
}

const problemsAfter = async (damage: (folder: ResultsFolder) => Promise<unknown>) =>
  (await verificationAfter(damage)).problems;

async function withoutBriefs(folder: ResultsFolder, ...ids: string[]): Promise<void> {
  const lines = await folder.lines();
  await folder.writeLines(lines.filter((line) => !ids.includes(line.brief_id)));
}

describe('damage to manifest.jsonl (S4)', () => {
  it('a missing line, named from the table; its file is left over', async () => {
    const { problems, warnings } = await verificationAfter((folder) => withoutBriefs(folder, 'b'));
    expect(problems).toMatchObject([{ code: 'line_missing', brief_id: 'b' }]);
    expect(warnings).toMatchObject([{ code: 'left_over', path: 'assets/b.png' }]);
  });

  it('a missing line whose id begins like a formula', async () => {
    const problems = await problemsAfter(async (folder) => {
      await folder.change('b', { brief_id: '=b' });
      await folder.change('c', { brief_id: '-c' });
      await folder.writeTable();
      await withoutBriefs(folder, '=b');
    });
    expect(problems).toMatchObject([{ code: 'line_missing', brief_id: '=b' }]);
  });

  it('missing lines without a table to name them', async () => {
    const problems = await problemsAfter(async (folder) => {
      await withoutBriefs(folder, 'a', 'b');
      await rm(folder.at('manifest.csv'));
    });
    expect(problems).toMatchObject([
      { code: 'line_missing', brief_id: null },
      { code: 'table_missing' },
    ]);
    expect(problems[0]?.message).toContain('run.json says 4 lines, manifest.jsonl has 2');
  });

  it('the whole manifest gone', async () => {
    const problems = await problemsAfter((folder) => rm(folder.at('manifest.jsonl')));
    expect(problems).toMatchObject([{ code: 'manifest_missing' }]);
  });

  it('a line twice', async () => {
    const problems = await problemsAfter(async (folder) => {
      const lines = await folder.lines();
      await folder.writeLines([...lines, ...lines.slice(1, 2)]);
    });
    expect(problems).toMatchObject([{ code: 'line_twice', brief_id: 'b', row: 5 }]);
    expect(problems[0]?.message).toContain('row 2');
  });

  it('lines that cannot be read, with their rows', async () => {
    const problems = await problemsAfter(async (folder) => {
      const lines = (await readFile(folder.at('manifest.jsonl'), 'utf8')).split('\n');
      lines[1] = 'not JSON';
      lines[3] = lines[3]?.replace('"failed"', '"perhaps"') ?? '';
      await folder.write('manifest.jsonl', lines.join('\n'));
    });
    expect(problems).toMatchObject([
      { code: 'line_unreadable', row: 2, path: 'manifest.jsonl' },
      { code: 'line_unreadable', row: 4 },
    ]);
    expect(problems[0]?.message).toContain('not JSON');
    expect(problems[1]?.message).toContain('status');
  });

  it('a last line torn after the batch had finished', async () => {
    const problems = await problemsAfter(async (folder) => {
      const { length } = await readFile(folder.at('manifest.jsonl'));
      await truncate(folder.at('manifest.jsonl'), length - 20);
    });
    expect(problems).toMatchObject([{ code: 'line_torn', row: 4 }]);
  });

  it('a line too many', async () => {
    const problems = await problemsAfter((folder) =>
      appendFile(folder.at('manifest.jsonl'), `${JSON.stringify(briefLine('e', 5, []))}\n`),
    );
    expect(problems).toMatchObject([{ code: 'line_extra' }]);
  });

  it('a line with another status, or with other credits', async () => {
    const status = await problemsAfter((folder) => folder.change('c', { status: 'failed' }));
    expect(status).toMatchObject([{ code: 'status_counts_differ' }]);
    const credits = await problemsAfter((folder) =>
      folder.change('c', { credits: { reserved: 1, final: 5 } }),
    );
    expect(credits).toMatchObject([{ code: 'credits_differ' }]);
  });
});

describe('damage to run.json and the files beside it (S4)', () => {
  it('sums that do not add up', async () => {
    const briefs = await problemsAfter((folder) => folder.report({ briefs: 5 }));
    expect(briefs).toMatchObject([{ code: 'counts_do_not_add_up' }]);
    const admitted = await problemsAfter((folder) => folder.report({ admitted: 5, briefs: 5 }));
    expect(admitted).toMatchObject([{ code: 'counts_do_not_add_up' }]);
    const pending = await problemsAfter((folder) =>
      folder.report({ admitted: 5, briefs: 5, pending: 1 }),
    );
    expect(pending).toMatchObject([{ code: 'counts_do_not_add_up' }]);
  });

  it('run.json gone, broken, or of another shape', async () => {
    const gone = await problemsAfter((folder) => rm(folder.at('run.json')));
    expect(gone).toMatchObject([{ code: 'report_missing' }]);
    for (const text of ['{"batch":', '{"batch":"spring"}']) {
      const broken = await problemsAfter((folder) => folder.write('run.json', text));
      expect(broken).toMatchObject([{ code: 'report_unreadable' }]);
    }
  });

  it('a table with another number of rows, or none', async () => {
    const short = await problemsAfter(async (folder) => {
      const lines = await folder.lines();
      await folder.writeLines(lines.slice(1));
      await folder.writeTable();
      await folder.writeLines(lines);
    });
    expect(short).toMatchObject([{ code: 'table_differs' }]);
    const empty = await problemsAfter((folder) => folder.write('manifest.csv', ''));
    expect(empty).toMatchObject([{ code: 'table_unreadable' }]);
    const cut = await problemsAfter((folder) => folder.write('manifest.csv', 'a,b\n"open,1\n'));
    expect(cut).toMatchObject([{ code: 'table_unreadable' }]);
  });

  it('rejected.jsonl with other rows is a problem, without it only a warning', async () => {
    const fault = JSON.stringify({ source: 'in.csv', row: 3, reason: 'x' });
    const differs = await problemsAfter(async (folder) => {
      await folder.write('rejected.jsonl', `${fault}\n${fault}\n`);
      await folder.report({ rejected: 2, briefs: 6 });
    });
    expect(differs).toMatchObject([{ code: 'rejected_differs' }]);
    const absent = await verificationAfter((folder) => folder.report({ rejected: 2, briefs: 6 }));
    expect(absent).toMatchObject({ ok: true, warnings: [{ code: 'rejected_missing' }] });
  });
});

it('several kinds of damage at once are all reported, in the order of their codes', async () => {
  const problems = await problemsAfter(async (folder) => {
    await withoutBriefs(folder, 'b');
    await rm(folder.at('assets/a.png'));
    await truncate(folder.at('assets/c.png'), 0);
    await folder.report({ briefs: 8 });
  });
  expect(problems.map(({ code }) => code)).toEqual([
    'line_missing',
    'asset_missing',
    'asset_bytes_differ',
    'counts_do_not_add_up',
  ]);
});

it('names out of the files cannot command a terminal', async () => {
  const problems = await problemsAfter(async (folder) => {
    await folder.change('a', { assets: [{ ...briefAsset, path: 'assets/\u001b[2J\u009b1m.png' }] });
  });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
  expect(problems[0]?.message).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
});

const briefAsset = { bytes: 1, sha256: 'a'.repeat(64), media_type: 'image/png' };
