import { expect, it } from 'vitest';
import { rewordingFault } from '../../../src/producer/outputs/checks.js';
import { indexModels } from '../../../src/producer/outputs/known-models.js';
import { bundledModels } from '../../../src/rivya/catalogue.js';

const known = indexModels(bundledModels());
const made = { model: 'z-image', prompt: 'A fox' as string | null, params: {} };

const faultOf = (words: string, patch: Partial<typeof made> = {}) => {
  const brief = { ...made, ...patch };
  return rewordingFault(brief, words, known.get(brief.model))?.reason ?? null;
};

it('takes what a row could say, and of a model that no list knows whatever there is', () => {
  expect(faultOf('A {{red}} fox')).toBeNull();
  expect(faultOf('🦊'.repeat(1_000))).toBeNull();
  expect(faultOf('x'.repeat(9_000), { model: 'of-tomorrow' })).toBeNull();
});

it.each([
  [
    'too long',
    'x'.repeat(1_001),
    {},
    'the prompt has 1001 characters, and z-image takes at most 1000',
  ],
  ['empty', ' \n', {}, 'the changed prompt is empty'],
  [
    'where there was none',
    'A fox',
    { prompt: null },
    'it was made without a prompt, so none is changed',
  ],
  [
    'more than a request holds',
    'x'.repeat(300_000),
    { model: 'of-tomorrow' },
    expect.stringContaining('at most 262144 are possible'),
  ],
])('refuses one that is %s', (_what, words, patch, reason) => {
  expect(faultOf(words, patch)).toEqual(reason);
});
