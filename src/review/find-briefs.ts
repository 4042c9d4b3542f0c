import type { JsonValue } from '../shared/json.js';
import type { ReviewBrief } from './review-brief.js';

/** What of a brief can be chosen by its value. A column of the row is `column:` and its name. */
export type Facet =
  | 'status'
  | 'decision'
  | 'model'
  | 'output'
  | 'run'
  | 'code'
  | 'kind'
  | `column:${string}`;

export const sortings = [
  'input',
  'id',
  'newest',
  'oldest',
  'dearest',
  'cheapest',
  'slowest',
  'decided',
] as const;
export type Sorting = (typeof sortings)[number];

/** What is looked for; of a facet any of its values, of several facets all. */
export interface BriefQuery {
  /** Words that stand in id, prompt, name, text, error or a column, whatever their case; all of them. */
  text: string;
  facets: ReadonlyMap<Facet, ReadonlySet<string>>;
  sort: Sorting;
}

export const anyBrief: BriefQuery = { text: '', facets: new Map(), sort: 'input' };

/** Stands for what has none, and for a brief that nobody has decided on. */
export const noValue = '';

/**
 * The briefs that a query finds, in its order. Pure; a column that is called like one of our own words is told apart by
 * its prefix.
 */
export function findBriefs(briefs: readonly ReviewBrief[], query: BriefQuery): ReviewBrief[] {
  const isFound = briefMatcher(query);
  return sortBriefs(briefs.filter(isFound), query.sort);
}

/** Whether a brief is one that a query finds, where briefs come one by one. */
export function briefMatcher({ text, facets }: BriefQuery): (brief: ReviewBrief) => boolean {
  const words = wordsOf(text);
  const wanted = [...facets].filter(([, values]) => values.size > 0);
  return (brief) =>
    wanted.every(([facet, values]) => values.has(facetValue(brief, facet))) &&
    (words.length === 0 || hasWords(brief, words));
}

/** What is looked for, word by word: wherever briefs are searched, all of them have to be there. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().split(/\s+/).filter(Boolean);
}

const searched = new WeakMap<ReviewBrief, string>();

/** Searched for at each key that is pressed: what is looked through is put together once for a brief. */
function hasWords(brief: ReviewBrief, words: readonly string[]): boolean {
  let text = searched.get(brief);
  if (text === undefined) {
    text = searchedText(brief);
    searched.set(brief, text);
  }
  return words.every((word) => text.includes(word));
}

function searchedText({ id, prompt, name, text, error, columns }: ReviewBrief): string {
  const parts = [id, prompt, name, text, error?.code, error?.message];
  const cells = Object.values(columns).map(cellText);
  return [...parts, ...cells].filter(Boolean).join('\n').toLowerCase();
}

export function cellText(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return noValue;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** What the first file of a brief is, for people. */
export type ResultKind = 'picture' | 'film' | 'sound' | 'text' | 'file' | 'none';

export function resultKind({ files, text }: Pick<ReviewBrief, 'files' | 'text'>): ResultKind {
  const [file] = files;
  if (file === undefined) return text === null ? 'none' : 'text';
  if (file.mediaType.startsWith('image/')) return 'picture';
  if (file.mediaType.startsWith('video/')) return 'film';
  if (file.mediaType.startsWith('audio/')) return 'sound';
  return file.mediaType.startsWith('text/') || text !== null ? 'text' : 'file';
}

/** What a facet has of a brief. */
export function facetValue(brief: ReviewBrief, facet: Facet): string {
  switch (facet) {
    case 'status':
      return brief.status;
    case 'decision':
      // Of what has no file there is nothing to decide.
      return brief.files.length === 0 ? 'none' : (brief.decision?.decision ?? 'undecided');
    case 'model':
      return brief.model;
    case 'output':
      return brief.output ?? noValue;
    case 'run':
      return brief.run === null ? noValue : String(brief.run);
    case 'code':
      return brief.status === 'succeeded' ? noValue : (brief.error?.code ?? brief.status);
    case 'kind':
      return resultKind(brief);
    default: {
      const column = facet.slice('column:'.length);
      return Object.hasOwn(brief.columns, column) ? cellText(brief.columns[column]) : noValue;
    }
  }
}

/** How many briefs have each value of facets, where all else of the query holds; the values as they are first met. */
export function countFacets(
  briefs: readonly ReviewBrief[],
  { text, facets }: BriefQuery,
  counted: readonly Facet[],
): Map<Facet, Map<string, number>> {
  const words = wordsOf(text);
  const wanted = [...facets].filter(([, values]) => values.size > 0);
  const counts = new Map(counted.map((facet) => [facet, new Map<string, number>()]));
  for (const brief of briefs) {
    const missed = wanted.filter(([facet, values]) => !values.has(facetValue(brief, facet)));
    const [only] = missed;
    const hasText = missed.length < 2 && (words.length === 0 || hasWords(brief, words));
    for (const [facet, values] of counts) {
      const value = facetValue(brief, facet);
      const isFound = hasText && (only === undefined || (missed.length === 1 && only[0] === facet));
      values.set(value, (values.get(value) ?? 0) + (isFound ? 1 : 0));
    }
  }
  return counts;
}

/** Briefs come in input order, which equal ones keep. */
function sortBriefs(briefs: ReviewBrief[], sort: Sorting): ReviewBrief[] {
  const key = sortKey(sort);
  if (key === null) return briefs;
  const keyed = briefs.map((brief) => ({ brief, key: key(brief) }));
  return keyed.sort((a, b) => compareKeys(a.key, b.key)).map(({ brief }) => brief);
}

/** What briefs are sorted by, less first; null where they stay in input order. */
export function sortKey(sort: Sorting): ((brief: ReviewBrief) => SortKey) | null {
  switch (sort) {
    case 'input':
      return null;
    case 'id':
      return ({ id }) => id;
    case 'newest':
      return (brief) => -endOf(brief);
    case 'oldest':
      return endOf;
    case 'dearest':
      return ({ credits }) => -(credits ?? 0);
    case 'cheapest':
      return ({ credits }) => credits ?? 0;
    case 'slowest':
      return (brief) => -(tookMs(brief) ?? -1);
    case 'decided':
      return ({ decision }) => -timeOf(decision?.at ?? null);
    default:
      return sort satisfies never;
  }
}

export type SortKey = number | string;

/** `sku-2` before `sku-10`. */
const idOrder = new Intl.Collator('en', { numeric: true });

/** Of one sorting: keys are all numbers, or all ids. */
export function compareKeys(a: SortKey, b: SortKey): number {
  return typeof a === 'number' && typeof b === 'number'
    ? a - b
    : idOrder.compare(String(a), String(b));
}

function timeOf(text: string | null): number {
  const ms = text === null ? Number.NaN : Date.parse(text);
  return Number.isNaN(ms) ? 0 : ms;
}

function endOf({ times }: ReviewBrief): number {
  return timeOf(times.collected ?? times.completed ?? times.submitted ?? times.admitted);
}

/** From submission to the end, in ms; null where either is not known. */
export function tookMs({ times }: Pick<ReviewBrief, 'times'>): number | null {
  const ms = Date.parse(times.completed ?? '') - Date.parse(times.submitted ?? '');
  return ms >= 0 ? ms : null;
}

const ownFacets: readonly Facet[] = [
  'status',
  'decision',
  'model',
  'output',
  'run',
  'code',
  'kind',
];

function isFacet(name: string): name is Facet {
  return ownFacets.some((facet) => facet === name) || name.startsWith('column:');
}

/** As it stands in an address: `q=lamp&status=failed&column%3Acolour=amber&sort=newest`. */
export function queryParams({ text, facets, sort }: BriefQuery): URLSearchParams {
  const params = new URLSearchParams();
  if (text.trim() !== '') params.set('q', text);
  for (const [facet, values] of facets) for (const value of values) params.append(facet, value);
  if (sort !== 'input') params.set('sort', sort);
  return params;
}

/** What is no part of a query is passed over. */
export function readQuery(params: URLSearchParams): BriefQuery {
  const facets = new Map<Facet, Set<string>>();
  for (const [name, value] of params) {
    if (!isFacet(name)) continue;
    const values = facets.get(name) ?? new Set();
    facets.set(name, values.add(value));
  }
  const sort = sortings.find((one) => one === params.get('sort')) ?? 'input';
  return { text: params.get('q') ?? '', facets, sort };
}
