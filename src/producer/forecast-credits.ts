import type { JsonObject } from '../shared/json.js';
import type { BriefOrigin, PreparedBrief } from '../shared/prepared-brief.js';

/** The body of a POST as it was prepared. */
interface PreparedBody {
  model: string;
  prompt?: string;
  params?: JsonObject;
}

/** A place in the input as a person finds it. */
export interface Place {
  source: string;
  row: number;
}

export interface Forecast {
  briefs: number;
  /** Of these, as many as have a price that was charged before. */
  charged: number;
  /** Credits if every brief costs the least that it can, and the most that is assumed. */
  least: number;
  most: number;
  /** Where the wallet is empty at the least and at the most; null where it is enough. */
  emptyAtLeast: Place | null;
  emptyAtMost: Place | null;
}

export interface Pricing {
  /** Null where the balance is not known. */
  wallet: number | null;
  priceOf(body: PreparedBody): { least: number; most: number; from: 'charged' | 'guessed' };
}

/** What an input will cost, as far as can be said before it is charged, and how far the wallet goes. */
export async function forecastCredits(
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
    if (forecast.most > wallet) forecast.emptyAtMost ??= placeOf(brief);
    if (forecast.least > wallet) forecast.emptyAtLeast ??= placeOf(brief);
  }
  return forecast;
}

function placeOf(brief: PreparedBrief): Place {
  const { source, row } = JSON.parse(brief.origin) as BriefOrigin;
  return { source, row };
}
