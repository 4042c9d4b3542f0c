import { expect, test } from 'vitest';
import {
  anyBrief,
  type BriefQuery,
  countFacets,
  findBriefs,
  queryParams,
  readQuery,
} from '../../src/review/find-briefs.js';
import type { ReviewBrief } from '../../src/review/review-brief.js';
import { reviewBrief } from './review-briefs.js';

const decision = { decision: 'again', note: 'warmer', prompt: null, at: '2026-06-02T09:00:00Z' };
const briefs: ReviewBrief[] = [
  reviewBrief({ id: 'a-10', credits: 2, columns: { title: 'Walnut lamp', colour: 'amber' } }),
  reviewBrief({ id: 'a-9', credits: 8, columns: { title: 'Paper moon', colour: 'cream' } }),
  reviewBrief({
    id: 'b-1',
    model: 'veo',
    credits: null,
    status: 'failed',
    files: [],
    columns: { title: 'Lamp', colour: 'amber', status: 'new', __proto__: null },
    error: { code: 'nsfw', message: 'Refused', remedy: 'Reword.' },
  }),
  reviewBrief({ id: 'b-2', decision: decision as ReviewBrief['decision'] }),
];

function ids(query: Partial<BriefQuery>): string[] {
  return findBriefs(briefs, { ...anyBrief, ...query }).map(({ id }) => id);
}

function facets(...chosen: [string, string[]][]): BriefQuery['facets'] {
  return new Map(chosen.map(([facet, values]) => [facet, new Set(values)])) as BriefQuery['facets'];
}

test('all words are looked for, in ids, prompts, columns and errors, whatever their case', () => {
  expect(ids({ text: 'LAMP' })).toEqual(['a-10', 'b-1']);
  expect(ids({ text: 'lamp walnut' })).toEqual(['a-10']);
  expect(ids({ text: ' b-2 ' })).toEqual(['b-2']);
  expect(ids({ text: 'fox refused' })).toEqual(['b-1']);
  expect(ids({ text: 'nowhere' })).toEqual([]);
});

test('any value of a facet, of several facets all, and a column is not taken for a word of ours', () => {
  expect(
    ids({ facets: facets(['model', ['veo', 'z-image']], ['column:colour', ['amber']]) }),
  ).toEqual(['a-10', 'b-1']);
  expect(ids({ facets: facets(['column:status', ['new']]) })).toEqual(['b-1']);
  expect(ids({ facets: facets(['status', ['new']]) })).toEqual([]);
  expect(ids({ facets: facets(['column:constructor', ['']]) })).toHaveLength(4);
  expect(ids({ facets: facets(['code', ['nsfw']]) })).toEqual(['b-1']);
  expect(ids({ facets: facets(['model', []]) })).toHaveLength(4);
});

test('undecided is what has a file and no word on it', () => {
  expect(ids({ facets: facets(['decision', ['undecided']]) })).toEqual(['a-10', 'a-9']);
  expect(ids({ facets: facets(['decision', ['again']]) })).toEqual(['b-2']);
  expect(ids({ facets: facets(['decision', ['none']]) })).toEqual(['b-1']);
});

test('sorted by ids as people count, by credits, and equal ones as in the input', () => {
  expect(ids({ sort: 'id' })).toEqual(['a-9', 'a-10', 'b-1', 'b-2']);
  expect(ids({ sort: 'dearest' })).toEqual(['a-9', 'a-10', 'b-2', 'b-1']);
  expect(ids({ sort: 'newest' })).toEqual(['a-10', 'a-9', 'b-1', 'b-2']);
  expect(ids({ sort: 'decided' })[0]).toBe('b-2');
});

test('the counts of a facet are of what all else finds', () => {
  const query = {
    ...anyBrief,
    facets: facets(['column:colour', ['amber']], ['status', ['succeeded']]),
  };
  const counts = countFacets(briefs, query, ['status', 'column:colour']);
  expect([...(counts.get('status') ?? [])]).toEqual([
    ['succeeded', 1],
    ['failed', 1],
  ]);
  expect([...(counts.get('column:colour') ?? [])]).toEqual([
    ['amber', 1],
    ['cream', 1],
    ['', 1],
  ]);
});

test('a query is the same after it stood in an address, and what is none is passed over', () => {
  const query: BriefQuery = {
    text: 'red & blue',
    facets: facets(['status', ['failed', 'unknown']], ['column:a=b&c', ['', 'ü']]),
    sort: 'cheapest',
  };
  const read = readQuery(new URLSearchParams(queryParams(query).toString()));
  expect(read).toEqual(query);
  expect(queryParams(anyBrief).toString()).toBe('');
  expect(readQuery(new URLSearchParams('sort=up&page=2&q='))).toEqual(anyBrief);
});
