import {
  type HistoryFigures,
  type HistorySeries,
  type HistorySpan,
  historySpans,
} from '../../ledger/history.js';
import { type Html, html } from '../../shared/html.js';
import { creditsNumber, grouped } from '../../shared/quantities.js';
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

/** What an account did lately: a small chart of each figure, and all of them as a table. */
export function historyPart(account: string, span: HistorySpan, series: HistorySeries): Html {
  const all = summed(series);
  return html`<div class="spans" role="group" aria-label="How far back">${spanLinks(span)}</div>
<div class="charts">${figures.map((figure) => chart(figure, span, series, all))}</div>
${asTable(account, series)}`;
}

function spanLinks(shown: HistorySpan): Html[] {
  return (Object.keys(historySpans) as HistorySpan[]).map((span) =>
    span === shown
      ? html`<strong>last ${span}</strong>`
      : html`<a href="/?span=${span}">last ${span}</a>`,
  );
}

function summed({ buckets }: HistorySeries): HistoryFigures {
  const sum = (figure: keyof HistoryFigures) =>
    buckets.reduce((total, bucket) => total + bucket.figures[figure], 0);
  return {
    succeeded: sum('succeeded'),
    otherwise: sum('otherwise'),
    credits: sum('credits'),
    refused: sum('refused'),
    noticed: sum('noticed'),
    lateMs: sum('lateMs'),
  };
}

const size = { width: 300, height: 56 };

function chart(
  { name, unit, of, sum }: Figure,
  span: HistorySpan,
  { widthSeconds, buckets }: HistorySeries,
  all: HistoryFigures,
): Html {
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
  const label = `${name} of the last ${span}: ${sum(all)}; ${peak}`;
  return html`<figure><figcaption>${name} <strong>${sum(all)}</strong></figcaption>
<svg role="img" aria-label="${label}" viewBox="0 0 ${size.width} ${size.height}" preserveAspectRatio="none"><path class="good" d="${good}"/><path class="bad" d="${bad}"/></svg>
<p class="axis"><span>${span === 'hour' ? 'an hour' : `a ${span}`} ago</span><span>${peak}</span><span>now</span></p></figure>`;
}

/** Times in which nothing was done are left out. */
function asTable(account: string, { buckets }: HistorySeries): Html | null {
  const done = buckets.filter(({ figures: one }) => Object.values(one).some((value) => value > 0));
  if (done.length === 0) return null;
  const rows = done.map(({ fromMs, figures: one }) => [
    `${new Date(fromMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    grouped(one.succeeded),
    grouped(one.otherwise),
    creditsNumber(one.credits),
    grouped(one.refused),
    one.noticed === 0 ? null : `${(one.lateMs / one.noticed / 1000).toFixed(1)} s`,
  ]);
  const heads = ['from', 'succeeded', 'not good', 'credits', 'refusals (429)', 'time to notice'];
  return html`<details id="history ${account}"><summary>As a table</summary>${table(heads, rows)}</details>`;
}
