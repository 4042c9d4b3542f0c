import type { AccountView } from './ledger/account-view.js';

/** Tasks in flight where nobody was told how many may be, until more is learned. */
export const defaultInFlight = 8;

/** `24 as told`, `12, learned`, or `8 until more is learned`. */
export function mostInFlight({
  told,
  learnedInFlight,
}: Pick<AccountView, 'told' | 'learnedInFlight'>): string {
  if (told.inFlight !== null) return `${told.inFlight} as told`;
  return learnedInFlight === null
    ? `${defaultInFlight} until more is learned`
    : `${learnedInFlight}, learned`;
}
