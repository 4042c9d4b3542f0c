import type { AccountLedger } from '../ledger/account-ledger.js';
import type { CompiledInput } from '../producer/compile-input.js';
import type { RowPosition } from '../producer/rows/row.js';
import { priceGuesser } from '../rivya/catalogue.js';
import type { Model } from '../rivya/outcome.js';
import { type BriefOrigin, type PreparedBrief, priceKind } from '../shared/brief.js';
import type { JsonObject } from '../shared/json.js';
import { creditsNumber, formatCredits } from '../shared/quantities.js';

/** The body of a POST as it was prepared. */
interface PreparedBody {
  model: string;
  prompt?: string;
  params?: JsonObject;
}

export interface Forecast {
  briefs: number;
  /** Of these, as many as have a price that was charged before. */
  charged: number;
  /** Credits if every brief costs the least that it can, and the most that is assumed. */
  least: number;
  most: number;
  /** Where the wallet is empty at the least and at the most; null where it is enough. */
  emptyAtLeast: RowPosition | null;
  emptyAtMost: RowPosition | null;
}

interface Pricing {
  /** Null where the balance is not known. */
  wallet: number | null;
  priceOf(body: PreparedBody): { least: number; most: number; from: 'charged' | 'guessed' };
}

/** What an input will cost, as far as can be said before it is charged, and how far the wallet goes. */
async function forecastCredits(
  briefs: AsyncIterable<PreparedBrief>,
  { wallet, priceOf }: Pricing,
): Promise<Forecast> {
  const forecast: Forecast = {
    briefs: 0,
    charged: 0,
    least: 0,
    most: 0,
    emptyAtLeast: null,
    emptyAtMost: null,
  };
  for await (const brief of briefs) {
    const { least, most, from } = priceOf(JSON.parse(brief.body) as PreparedBody);
    forecast.briefs += 1;
    if (from === 'charged') forecast.charged += 1;
    forecast.least += least;
    forecast.most += most;
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

export interface KnownPrices {
  models: Model[];
  wallet: number | null;
  /** Price kind -> the largest price seen; empty where nothing was learned yet. */
  learned: ReadonlyMap<string, number>;
}

/** What is left to generate, in credits, and the row at which the wallet will be empty. */
export function forecastInput(
  briefs: AsyncIterable<PreparedBrief>,
  { models, wallet, learned }: KnownPrices,
): Promise<Forecast> {
  const guessOf = priceGuesser(models);
  const priceOf: Pricing['priceOf'] = (body) => {
    const known = learned.get(priceKind(body));
    if (known !== undefined) return { least: known, most: known, from: 'charged' };
    const { least, guess } = guessOf(body.model);
    return { least, most: guess, from: 'guessed' };
  };
  return forecastCredits(briefs, { wallet, priceOf });
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
  return sumText(await forecastInput(input.briefs(), { models, wallet: null, learned }));
}
