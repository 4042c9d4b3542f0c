import type { CompiledInput } from '../producer/compile-input.js';
import {
  type Forecast,
  forecastCredits,
  type Place,
  type Pricing,
} from '../producer/forecast-credits.js';
import type { Model } from '../rivya/outcome.js';
import type { AccountLedger } from '../shared/ledger/account-ledger.js';
import type { PreparedBrief } from '../shared/prepared-brief.js';
import { priceKind } from '../shared/price-kind.js';
import { creditsNumber, formatCredits } from '../shared/quantities.js';
import { priceGuesser } from './estimate.js';

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

function at({ source, row }: Place): string {
  return `row ${row} of ${source}`;
}

function same(a: Place, b: Place): boolean {
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
