import type { AccountLedger } from '../ledger/account-ledger.js';
import type { BatchMeta } from '../ledger/batch-meta.js';
import type { CompiledInput } from '../producer/compile-input.js';
import type { RowPosition } from '../producer/rows/row.js';
import { modelFacts } from '../rivya/catalogue.js';
import type { Model } from '../rivya/outcome.js';
import { type BriefOrigin, type PreparedBrief, parseBody, priceKind } from '../shared/brief.js';
import { creditsNumber, formatCredits } from '../shared/quantities.js';

export interface Forecast {
  briefs: number;
  /** Of these, as many as are turns of chats. */
  turns: number;
  /** Of these, as many as have a price that was charged before. */
  charged: number;
  /** Credits if every brief costs the least that it can, and the most that is assumed. */
  least: number;
  most: number;
  /** Where the wallet is empty at the least and at the most; null where it is enough. */
  emptyAtLeast: RowPosition | null;
  emptyAtMost: RowPosition | null;
}

/**
 * What briefs will cost, as far as can be said before it is charged, and the row at which the wallet will be empty.
 * @param wallet null where the balance is not known
 * @param learned price kind -> the largest price seen; empty where nothing was learned yet
 */
export async function forecastInput(
  briefs: AsyncIterable<PreparedBrief>,
  models: Model[],
  wallet: number | null,
  learned: ReadonlyMap<string, number>,
): Promise<Forecast> {
  const { priceOf } = modelFacts(models);
  const forecast: Forecast = {
    briefs: 0,
    turns: 0,
    charged: 0,
    least: 0,
    most: 0,
    emptyAtLeast: null,
    emptyAtMost: null,
  };
  for await (const brief of briefs) {
    const body = parseBody(brief.body);
    const known = learned.get(priceKind(body));
    const guessed = priceOf(body.model);
    forecast.briefs += 1;
    if (known !== undefined) forecast.charged += 1;
    const least = known ?? guessed.least;
    // A turn costs what its words do: the largest price seen says nothing of the least.
    if (body.endpoint === 'chat') {
      forecast.turns += 1;
      forecast.least += Math.min(1, least);
    } else forecast.least += least;
    forecast.most += known ?? guessed.guess;
    if (wallet === null) continue;
    if (forecast.most > wallet) forecast.emptyAtMost ??= positionOf(brief);
    if (forecast.least > wallet) forecast.emptyAtLeast ??= positionOf(brief);
  }
  return forecast;
}

function positionOf(brief: PreparedBrief): RowPosition {
  const { source, row } = JSON.parse(brief.origin) as BriefOrigin;
  return { source, row };
}

export function sumText({ least, most }: Forecast): string {
  return least === most
    ? formatCredits(least)
    : `${creditsNumber(least)} to ${formatCredits(most)}`;
}

export function walletText({ emptyAtLeast, emptyAtMost }: Forecast, wallet: number | null): string {
  if (wallet === null) return 'not known';
  const has = formatCredits(wallet);
  if (emptyAtMost === null) return `${has}: enough`;
  if (emptyAtLeast === null) return `${has}: empty at ${at(emptyAtMost)} at the earliest`;
  if (same(emptyAtLeast, emptyAtMost)) return `${has}: empty at ${at(emptyAtLeast)}`;
  return `${has}: empty between ${at(emptyAtMost)} and ${at(emptyAtLeast)}`;
}

/**
 * Credits that what is not submitted yet will take, roughly: no more than its batch may still spend.
 * @param price of one of them; null where nobody knows
 */
export function stillNeeded(
  { maxCredits, spent, reserved }: Pick<BatchMeta, 'maxCredits' | 'spent' | 'reserved'>,
  waiting: number,
  price: number | null,
): number | null {
  if (waiting === 0) return 0;
  if (price === null) return null;
  const most = maxCredits === null ? Number.POSITIVE_INFINITY : maxCredits - spent - reserved;
  return Math.max(0, Math.min(most, Math.ceil(waiting * price)));
}

/** `about 340 more credits, 120 there: short by 220` */
export function neededText(needed: number, wallet: number | null): string {
  const more = `about ${creditsNumber(needed)} more ${needed === 1 ? 'credit' : 'credits'}`;
  if (wallet === null) return more;
  const there = `${more}, ${creditsNumber(wallet)} there`;
  return wallet < needed
    ? `${there}: short by ${creditsNumber(needed - wallet)}`
    : `${there}: enough`;
}

function at({ source, row }: RowPosition): string {
  return `row ${row} of ${source}`;
}

function same(a: RowPosition, b: RowPosition): boolean {
  return a.row === b.row && a.source === b.source;
}

/** What the whole input costs at the prices that an account has learned, as text. */
export async function wholeEstimate(
  account: AccountLedger,
  { input, models }: { input: Pick<CompiledInput, 'briefs'>; models: Model[] },
): Promise<string> {
  const learned = await account.prices();
  return sumText(await forecastInput(input.briefs(), models, null, learned));
}
