import {
  type HistoryFigures,
  type HistorySeries,
  type HistorySpan,
  historySpanNames,
  historySpans,
  isNothing,
  summed,
} from '../../ledger/history.js';
import { type Html, html } from '../../shared/html.js';
import { creditsNumber, formatDuration, grouped } from '../../shared/quantities.js';
import { table } from './layout.js';

/** What is drawn of a bucket: a bar, whose second part is what did not go well. */
interface Figure {
  name: string;
  unit: string;
  of(figures: HistoryFigures, minutes: number): { good: number; bad: number };
  /** Of the whole span, for people. */
  sum(all: HistoryFigures): string;
}

const figures: readonly Figure[] = [
  {
    name: 'briefs',
    unit: 'a minute',
    of: ({ succeeded, otherwise }, minutes) => ({
      good: succeeded / minutes,
      bad: otherwise / minutes,
    }),
    sum: ({ succeeded, otherwise }) =>
      `${grouped(succeeded + otherwise)}${otherwise > 0 ? `, ${grouped(otherwise)} without success` : ''}`,
  },
  {
    name: 'credits',
    unit: 'a minute',
    of: ({ credits }, minutes) => ({ good: credits / minutes, bad: 0 }),
    sum: ({ credits }) => creditsNumber(credits),
  },
  {
    name: 'refusals (429)',
    unit: 'a minute',
    of: ({ refused }, minutes) => ({ good: 0, bad: refused / minutes }),
    sum: ({ refused }) => grouped(refused),
  },
  {
    name: 'time to notice',
    unit: 's',
    of: ({ noticed, lateMs }) => ({ good: noticed === 0 ? 0 : lateMs / noticed / 1000, bad: 0 }),
    sum: ({ noticed, lateMs }) =>
      noticed === 0 ? 'none' : `${(lateMs / noticed / 1000).toFixed(1)} s on average`,
  },
];

/** What is drawn: of an account, or of a batch. */
export interface ShownHistory {
  /** Tells its table from others of the page. */
  id: string;
  series: HistorySeries;
  /** Ms since the epoch: when the last bucket ended; null where it is not over. */
  endedMs: number | null;
  /** Of the page that shows another span. */
  addressOf(span: HistorySpan): string;
}

/** What was done lately: a small chart of each figure, and all of them as a table. */
export function historyPart(shown: ShownHistory): Html {
  const all = summed(shown.series.buckets.map((bucket) => bucket.figures));
  return html`<div class="spans" role="group" aria-label="How far back">${spanLinks(shown)}</div>
<div class="charts">${figures.map((figure) => chart(figure, shown, all))}</div>
${asTable(shown)}`;
}

function spanLinks(shown: ShownHistory): Html[] {
  return historySpanNames.map((span) =>
    span === shown.series.span
      ? html`<strong>${spanWords(shown, span)}</strong>`
      : html`<a href="${shown.addressOf(span)}">${spanWords(shown, span)}</a>`,
  );
}

function spanWords({ endedMs }: ShownHistory, span: HistorySpan): string {
  return `${endedMs === null ? 'last' : 'its last'} ${span}`;
}

const size = { width: 300, height: 56 };

function chart({ name, unit, of, sum }: Figure, shown: ShownHistory, all: HistoryFigures): Html {
  const { span, buckets } = shown.series;
  const { widthSeconds } = historySpans[span];
  const values = buckets.map((bucket) => of(bucket.figures, widthSeconds / 60));
  const most = Math.max(0, ...values.map(({ good, bad }) => good + bad));
  const wide = size.width / values.length;
  const bar = (index: number, from: number, to: number) => {
    const [low, high] = [from, to].map((value) => (value / most) * (size.height - 2));
    return to === from
      ? ''
      : `M${(index * wide).toFixed(1)} ${(size.height - (low ?? 0)).toFixed(1)}v${((low ?? 0) - (high ?? 0)).toFixed(1)}h${(wide * 0.8).toFixed(1)}V${(size.height - (low ?? 0)).toFixed(1)}z`;
  };
  const good = values.map((value, index) => bar(index, 0, value.good)).join('');
  const bad = values.map((value, index) => bar(index, value.good, value.good + value.bad)).join('');
  const peak =
    most === 0
      ? 'nothing'
      : `at most ${most < 10 ? most.toFixed(1) : grouped(Math.round(most))} ${unit}`;
  const [from, until] = axisWords(shown);
  const the = shown.endedMs === null ? 'the ' : '';
  const label = `${name} of ${the}${spanWords(shown, span)}: ${sum(all)}; ${peak}`;
  return html`<figure><figcaption>${name} <strong>${sum(all)}</strong></figcaption>
<svg role="img" aria-label="${label}" viewBox="0 0 ${size.width} ${size.height}" preserveAspectRatio="none"><path class="good" d="${good}"/><path class="bad" d="${bad}"/></svg>
<p class="axis"><span>${from}</span><span>${peak}</span><span>${until}</span></p></figure>`;
}

function axisWords({ series: { span, buckets }, endedMs }: ShownHistory): [string, string] {
  const { widthSeconds, places } = historySpans[span];
  if (endedMs !== null) {
    const part = (ms: number) => minuteText(ms).slice(...(span === 'week' ? [0, 10] : [11]));
    return [part(buckets[0]?.fromMs ?? endedMs), part(endedMs)];
  }
  const wholes = { '15 minutes': '15 minutes', hour: 'an hour', day: 'a day', week: 'a week' };
  const shownMs = buckets.length * widthSeconds * 1000;
  return [`${buckets.length < places ? formatDuration(shownMs) : wholes[span]} ago`, 'now'];
}

/** In UTC. */
function minuteText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
}

/** Times in which nothing was done are left out. */
function asTable({ id, series: { buckets } }: ShownHistory): Html | null {
  const done = buckets.filter(({ figures: one }) => !isNothing(one));
  if (done.length === 0) return null;
  const rows = done.map(({ fromMs, figures: one }) => [
    `${minuteText(fromMs)} UTC`,
    grouped(one.succeeded),
    grouped(one.otherwise),
    creditsNumber(one.credits),
    grouped(one.refused),
    one.noticed === 0 ? null : `${(one.lateMs / one.noticed / 1000).toFixed(1)} s`,
  ]);
  const heads = ['from', 'succeeded', 'not good', 'credits', 'refusals (429)', 'time to notice'];
  return html`<details id="history ${id}"><summary>As a table</summary>${table(heads, rows)}</details>`;
}
