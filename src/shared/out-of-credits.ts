import { isSimulated } from './simulated.js';

/**
 * What is said wherever credits ran out, behind "The account is": where to buy more, and where to ask. Both pages are
 * documented, and under the API's own origin; of the simulator nobody buys any.
 */
export function outOfCredits(origin: string): string {
  if (isSimulated({ origin })) return 'out of credits';
  return `out of credits (to buy more: ${origin}/docs/credits-billing; to ask: ${origin}/docs/pricing-faq)`;
}
