import type { ComponentChildren } from 'preact';
import type { Series, TimelinePoint } from '../../results/timeline.js';
import type { ModelTotals, Quantiles, Totals } from '../../results/totals.js';
import { creditsNumber, formatCredits, grouped } from '../../shared/quantities.js';
import { TimeChart } from './time-chart.js';
import {
  measuredText,
  percent,
  perText,
  timeParts,
  totalsSentences,
  widthText,
} from './totals-words.js';

/** What a batch made, paid and waited for. */
export function TotalsView({ totals }: { totals: Totals }) {
  return (
    <div class="totals">
      <h2 class="sr-only">Totals</h2>
      <div class="summary">
        {totalsSentences(totals).map((sentence) => (
          <p key={sentence}>{sentence}</p>
        ))}
      </div>
      <MoneyShares money={totals.money} />
      <TimeShares time={totals.time} />
      <Charts totals={totals} />
      <Models models={totals.models} />
    </div>
  );
}

interface Part {
  name: string;
  colour: string;
  /** Of the whole, 0 to 1. */
  share: number;
  amount: string;
}

function MoneyShares({ money }: Pick<Totals, 'money'>) {
  const { spent } = money;
  const parts = [
    { name: 'for what succeeded', colour: 'tone-3', credits: money.succeeded },
    { name: 'charged though it did not succeed', colour: 'tone-4', credits: money.failed },
    { name: 'for earlier attempts, now replaced', colour: 'tone-1', credits: money.earlier },
  ]
    .filter(({ credits }) => credits > 0)
    .map((part) => ({
      ...part,
      share: part.credits / spent,
      amount: formatCredits(part.credits),
    }));
  return (
    <Shares heading="Where the money went" parts={parts} column="Credits">
      {money.inDoubt.attempts > 0 && (
        <p class="quiet">{`Not in it: ${formatCredits(money.inDoubt.reserved)} reserved for attempts of which nobody knows what was charged.`}</p>
      )}
    </Shares>
  );
}

function TimeShares({ time }: Pick<Totals, 'time'>) {
  if (time === null) return null;
  const parts = timeParts(time).map((part) => ({ ...part, amount: measuredText(part.ms) }));
  return (
    <Shares heading="Where the time of an average brief went" parts={parts} column="Time">
      <p class="quiet">{`On average over ${grouped(time.briefs)} that succeeded, from admission to the last file.`}</p>
    </Shares>
  );
}

/** One bar of parts, and the table that says what they are. */
function Shares({
  heading,
  parts,
  column,
  children,
}: {
  heading: string;
  parts: readonly Part[];
  column: string;
  children: ComponentChildren;
}) {
  if (parts.length === 0) return null;
  let begin = 0;
  const spans = parts.map((part) => {
    const x = begin * 100;
    begin += part.share;
    return { ...part, x };
  });
  return (
    <figure class="shares">
      <figcaption>
        <h3>{heading}</h3>
      </figcaption>
      <svg width="100%" height="22" aria-hidden="true">
        {spans.map(({ name, colour, x, share, amount }) => (
          <rect
            key={name}
            class={colour}
            x={`${x}%`}
            width={`${Math.max(0.3, share * 100)}%`}
            height="22"
          >
            <title>{`${name}: ${amount}, ${percent(share)}`}</title>
          </rect>
        ))}
      </svg>
      <table>
        <thead class="sr-only">
          <tr>
            <th scope="col">Part</th>
            <th scope="col">{column}</th>
            <th scope="col">Share</th>
          </tr>
        </thead>
        <tbody>
          {parts.map(({ name, colour, share, amount }) => (
            <tr key={name}>
              <th scope="row">
                <span class={`swatch ${colour}`} />
                {name}
              </th>
              <td class="number">{amount}</td>
              <td class="number">{percent(share)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {children}
    </figure>
  );
}

function Charts({ totals: { series, run, occupancy, money, untimed } }: { totals: Totals }) {
  const points = pointsOf(series);
  if (points.length === 0) return null;
  const each = (of: (point: TimelinePoint) => number) => points.map(of);
  const per = perText(series.seconds);
  const refusals = [
    { name: 'too many requests', colour: 'tone-4', values: each((point) => point.refusedRate) },
    { name: 'too many unfinished', colour: 'tone-1', values: each((point) => point.refusedPlaces) },
    { name: 'other reasons', colour: 'tone-2', values: each((point) => point.refusedOther) },
  ].filter(({ values }) => values.some((value) => value > 0));
  const finished = [
    { name: 'succeeded', colour: 'tone-3', values: each((point) => point.succeeded) },
    { name: 'did not succeed', colour: 'tone-4', values: each((point) => point.otherwise) },
  ].filter(({ values }) => values.some((value) => value > 0));
  const refused = run?.requests.refused ?? 0;
  const timed = refusals.flatMap(({ values }) => values).reduce((sum, value) => sum + value, 0);
  return (
    <section class="charts" aria-label="Over time">
      <TimeChart
        heading="Briefs finished"
        unit={per}
        description={`Briefs that got their line, ${per}: ${grouped(sumOf(finished))} in all.`}
        series={series}
        layers={finished}
        form="bars"
      />
      <TimeChart
        heading="Credits charged"
        unit="added up"
        description={`Credits charged until then: ${formatCredits(money.spent - untimed.credits)} at the end.`}
        series={series}
        layers={[
          { name: 'credits', colour: 'tone-3', values: addedUp(each((point) => point.credits)) },
        ]}
        form="line"
        format={creditsNumber}
      />
      <TimeChart
        heading="Tasks in flight"
        unit="on average"
        description={`Tasks that the API had taken and that were not known to be over, on average over each ${widthText(series.seconds)}; ${grouped(occupancy.most)} at most.`}
        series={series}
        layers={[
          { name: 'tasks on average', colour: 'tone-5', values: each((point) => point.inFlight) },
        ]}
        form="bars"
        format={tenths}
      />
      {refusals.length > 0 && (
        <TimeChart
          heading="Requests that the API refused"
          unit={per}
          description={`Requests that the API refused, ${per}: ${grouped(timed)} in all.`}
          series={series}
          layers={refusals}
          form="bars"
        />
      )}
      {refused > timed && (
        <p class="quiet">{`The API refused ${grouped(refused)} requests; when, is known of ${timed === 0 ? 'none' : grouped(timed)}.`}</p>
      )}
      {run !== null && refused === 0 && <p class="quiet">The API refused no request.</p>}
    </section>
  );
}

function Models({ models }: Pick<Totals, 'models'>) {
  if (models.length === 0) return null;
  return (
    <section>
      <h3>Models</h3>
      <table class="models">
        <thead>
          <tr>
            <th scope="col">Model</th>
            {modelColumns.map(({ name }) => (
              <th key={name} scope="col" class="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {models.map((model) => (
            <tr key={model.model}>
              <th scope="row">{model.model}</th>
              {modelColumns.map(({ name, text }) => (
                <td key={name} class="number" data-name={name}>
                  {text(model)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <p class="quiet">
        Credits are those of all attempts; “each” is what one that succeeded was charged. “Made in”
        is from its acceptance until its end was noticed: the median, and what nine of ten kept to.
      </p>
    </section>
  );
}

const modelColumns: { name: string; text: (model: ModelTotals) => string }[] = [
  { name: 'Briefs', text: ({ briefs }) => grouped(briefs) },
  { name: 'Succeeded', text: ({ succeeded }) => grouped(succeeded) },
  { name: 'Credits', text: ({ spent }) => creditsNumber(spent) },
  { name: 'Credits each', text: ({ price }) => priceText(price) },
  {
    name: 'Charged though failed',
    text: ({ chargedThoughFailed }) => chargedText(chargedThoughFailed),
  },
  { name: 'Made in', text: ({ making }) => quantilesText(making) },
  { name: 'Fetched in', text: ({ fetching }) => quantilesText(fetching) },
];

function priceText(price: ModelTotals['price']): string {
  if (price === null) return '–';
  const { mean, least, most } = price;
  const [average, low, high] = [mean, least, most].map(creditsNumber);
  return least === most ? `${average}` : `${average} (${low} to ${high})`;
}

function chargedText({ lines, credits }: ModelTotals['chargedThoughFailed']): string {
  return lines === 0 ? '0' : `${grouped(lines)} (${formatCredits(credits)})`;
}

function quantilesText(quantiles: Quantiles | null): string {
  if (quantiles === null) return '–';
  return `${measuredText(quantiles.median)} (${measuredText(quantiles.p90)})`;
}

function pointsOf({ stretches }: Series): TimelinePoint[] {
  return stretches.flatMap(({ points }) => points);
}

function sumOf(layers: readonly { values: readonly number[] }[]): number {
  return layers.flatMap(({ values }) => values).reduce((sum, value) => sum + value, 0);
}

function addedUp(values: readonly number[]): number[] {
  let sum = 0;
  return values.map((value) => {
    sum += value;
    return sum;
  });
}

function tenths(value: number): string {
  return grouped(Math.round(value * 10) / 10);
}
