import { expect, it } from 'vitest';
import { outOfCredits } from '../../src/shared/out-of-credits.js';
import { simulatedOrigin } from '../../src/shared/simulated.js';

it('says where to buy and where to ask, under the origin of the API, and nothing of a simulated one', () => {
  expect(outOfCredits('https://rivya.ai')).toBe(
    'out of credits (to buy more: https://rivya.ai/docs/credits-billing; to ask: https://rivya.ai/docs/pricing-faq)',
  );
  expect(outOfCredits(simulatedOrigin)).toBe('out of credits');
});
