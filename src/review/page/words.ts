import type { Verdict } from '../../ledger/result-ledger.js';
import { counted, formatCredits, formatDuration } from '../../shared/quantities.js';
import { type Facet, noValue, type Sorting, tookMs } from '../find-briefs.js';
import type { ReviewBrief } from '../review-brief.js';
import type { DeskCounts } from './desk.js';

/** What a person does, and what has become of it. */
export const verdictWords: Readonly<Record<Verdict, { verb: string; done: string; key: string }>> =
  {
    approved: { verb: 'Approve', done: 'Approved', key: 'A' },
    again: { verb: 'Again', done: 'Again', key: 'G' },
    rejected: { verb: 'Reject', done: 'Rejected', key: 'R' },
  };

/** In the order in which they stand everywhere. */
export const verdictOrder: readonly Verdict[] = ['approved', 'again', 'rejected'];

const valueWords: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  status: { succeeded: 'Succeeded', failed: 'Failed', unknown: 'Unknown', cancelled: 'Cancelled' },
  decision: {
    undecided: 'Undecided',
    approved: 'Approved',
    rejected: 'Rejected',
    again: 'Again',
    none: 'No file',
  },
  kind: {
    picture: 'Pictures',
    film: 'Films',
    sound: 'Sounds',
    text: 'Texts',
    file: 'Other files',
    none: 'No result',
  },
  code: { [noValue]: 'No error' },
  output: { [noValue]: 'No name' },
  run: { [noValue]: 'No number' },
};

/** A value of a facet, for people. */
export function valueText(facet: Facet, value: string): string {
  const words = valueWords[facet];
  // Own members only: values come from the user's table.
  const word = words && Object.hasOwn(words, value) ? words[value] : undefined;
  if (word !== undefined) return word;
  if (value === noValue) return '(empty)';
  return facet === 'run' ? `Run ${value}` : value;
}

const facetNames: Readonly<Record<string, string>> = {
  status: 'Status',
  decision: 'Decision',
  kind: 'Kind',
  output: 'Output',
  model: 'Model',
  run: 'Run',
  code: 'Error',
};

export function facetName(facet: Facet): string {
  return facet.startsWith('column:') ? facet.slice('column:'.length) : (facetNames[facet] ?? facet);
}

export const sortingNames: Readonly<Record<Sorting, string>> = {
  input: 'Input order',
  id: 'Id',
  newest: 'Newest first',
  oldest: 'Oldest first',
  dearest: 'Most credits first',
  cheapest: 'Fewest credits first',
  slowest: 'Longest first',
  decided: 'Last decided first',
};

/** Of a picture, for those who do not see it: its id and the beginning of its prompt. */
export function altText({ id, prompt }: Pick<ReviewBrief, 'id' | 'prompt'>): string {
  return prompt === null ? id : `${id}: ${beginning(prompt, 120)}`;
}

/** Of a text, as much as fits in so many characters. */
export function beginning(text: string, most: number): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= most ? line : `${line.slice(0, most).trimEnd()}…`;
}

/** What making again will cost, as far as that is known. */
export function againPrice({ again, againCredits, againUnpriced }: DeskCounts): string {
  if (again === 0) return 'nothing to make again';
  if (againUnpriced === again) return 'price not known';
  const more = againUnpriced === 0 ? '' : ` and ${counted(againUnpriced, 'brief')} without a price`;
  return `about ${formatCredits(againCredits)}${more}`;
}

export function tookText(brief: Pick<ReviewBrief, 'times'>): string | null {
  const ms = tookMs(brief);
  return ms === null ? null : formatDuration(ms);
}

/** A time of a line as the reader's clock has it; what is none, as it stands there. */
export function timeText(text: string): string {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) return text;
  return new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' }).format(time);
}
