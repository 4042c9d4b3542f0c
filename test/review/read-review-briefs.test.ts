import { expect, test } from 'vitest';
import { decisionText } from '../../src/results/decisions.js';
import { ReviewFolder, readReviewBriefs } from '../../src/review/read-review-briefs.js';
import type { ReviewBrief } from '../../src/review/review-brief.js';
import type { ManifestLine } from '../../src/shared/manifest-line.js';
import { ResultsFolder } from '../results/results-folder.js';
import { manifestLine } from '../shared/manifest-lines.js';

async function read(folder: ResultsFolder): Promise<Map<string, ReviewBrief>> {
  const briefs = new Map<string, ReviewBrief>();
  for await (const brief of readReviewBriefs(folder.path)) briefs.set(brief.id, brief);
  return briefs;
}

function said(line: ManifestLine, patch: object = {}): string {
  const decision = {
    brief_id: line.brief_id,
    attempt: line.attempt,
    sha256: line.assets[0]?.sha256 ?? '0'.repeat(64),
    decision: 'approved' as const,
    note: null,
    prompt: null,
    at: '2026-06-02T09:00:00Z',
    ...patch,
  };
  return `${decisionText(decision)}\n`;
}

test('every line is a brief with its columns, its files, and what can be done where it failed', async () => {
  const folder = await ResultsFolder.make();
  const briefs = await read(folder);
  expect([...briefs.keys()]).toEqual(['a', 'b', 'c', 'd']);
  expect(briefs.get('a')).toMatchObject({
    columns: { title: '=two\nlines, "a"' },
    files: [{ path: 'assets/a.png', mediaType: 'image/png', hasThumbnail: true }],
    decision: null,
    earlier: [],
  });
  expect(briefs.get('d')?.error).toMatchObject({ code: 'nsfw', message: 'no' });
  expect(briefs.get('d')?.error?.remedy).toContain('reword these rows');
});

test('the last word on a brief counts, with its note, and only on the file that is there', async () => {
  const folder = await ResultsFolder.make();
  const [a, b, c] = (await folder.lines()) as [ManifestLine, ManifestLine, ManifestLine];
  await folder.write(
    'decisions.jsonl',
    `${said(a)}not JSON\n\n${said(b, { sha256: 'f'.repeat(64) })}${said(c, { attempt: 2 })}${said(a, { decision: 'again', note: 'größer', prompt: 'A larger fox' })}`,
  );
  const briefs = await read(folder);
  expect(briefs.get('a')?.decision).toEqual({
    decision: 'again',
    note: 'größer',
    prompt: 'A larger fox',
    at: '2026-06-02T09:00:00Z',
  });
  expect(briefs.get('b')?.decision).toBeNull();
  expect(briefs.get('c')?.decision).toBeNull();
});

test('what was made before stands with what was said of it, the latest first; a task that was looked at again does not', async () => {
  const folder = await ResultsFolder.make();
  const [a] = (await folder.lines()) as [ManifestLine];
  const old = (attempt: number, content: string) =>
    folder.asset(`assets/a.${attempt}.png`, content).then((asset) => ({
      ...a,
      attempt,
      task_id: `task_old_${attempt}`,
      assets: [asset],
    }));
  const first = await old(1, 'first');
  const second = await old(2, 'second');
  const overdue = { ...a, attempt: 3, status: 'unknown' as const, assets: [] };
  const other = manifestLine({ brief_id: 'gone' });
  const history = [first, other, second, overdue];
  await folder.write('history.jsonl', history.map((line) => `${JSON.stringify(line)}\n`).join(''));
  await folder.change('a', { attempt: 3 });
  await folder.write('decisions.jsonl', said(second, { decision: 'again', note: 'warmer' }));
  const earlier = (await read(folder)).get('a')?.earlier ?? [];
  expect(earlier.map(({ attempt }) => attempt)).toEqual([2, 1]);
  expect(earlier.map(({ decision }) => decision?.note ?? null)).toEqual(['warmer', null]);
  expect(earlier[1]?.files[0]?.path).toBe('assets/a.1.png');
});

test('references are named by what a person gave, and those of steps by the brief that made them', async () => {
  const folder = await ResultsFolder.make();
  const sha256 = 'b'.repeat(64);
  const items = [
    { kind: 'image', url: `sha256:${sha256}` },
    { kind: 'image', url: 'https://shop.test/pictures/b.jpg?width=2' },
  ];
  await folder.change('a', {
    references: ['C:\\shop\\lamp.png', 'https://shop.test/pictures/b.jpg?width=2'],
    params: { size: '2K', referenceMediaItems: items },
  });
  await folder.change('b', {
    after: [{ output: 'still', id: 'a/still', fingerprint: 'f' }],
    references: ['x/lamp.png'],
    draft: {
      endpoint: 'generations',
      model: 'm',
      prompt: null,
      params: {},
      texts: {},
      references: [
        { output: 'still', file: true },
        { url: `sha256:${sha256}`, kind: 'image' },
      ],
    },
    params: { referenceMediaItems: [{ url: 'https://r.test/u' }, { url: `sha256:${sha256}` }] },
  });
  const briefs = await read(folder);
  expect(briefs.get('a')?.params).toEqual({ size: '2K' });
  expect(briefs.get('a')?.references).toEqual([
    { label: 'lamp.png', thumbnail: sha256, briefId: null },
    { label: 'b.jpg', thumbnail: null, briefId: null },
  ]);
  expect(briefs.get('b')?.references).toEqual([
    { label: 'still', thumbnail: null, briefId: 'a/still' },
    { label: 'lamp.png', thumbnail: sha256, briefId: null },
  ]);
  expect(briefs.get('b')?.after).toEqual(['a/still']);
});

test('a page of a folder is read by the positions of its briefs', async () => {
  const folder = await ResultsFolder.make();
  const review = await ReviewFolder.read(folder.path);
  expect([review.batch, review.size, review.columns, review.simulated]).toEqual([
    'spring',
    4,
    ['title'],
    false,
  ]);
  const ids: string[] = [];
  for await (const { id } of review.briefs((position) => position > 0 && position < 3))
    ids.push(id);
  expect(ids).toEqual(['b', 'c']);
});
