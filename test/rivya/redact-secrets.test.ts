import { expect, it } from 'vitest';
import { quoteText, redactSecrets } from '../../src/rivya/transport-failure.js';

it.each([
  ['Bearer rvya_sk_Ab-9_z!', 'Bearer rvya_sk_[redacted]!'],
  [
    '"rvya_sk_a.b~c+d/e=" and whsec_12ab, whsec_x',
    '"rvya_sk_[redacted]" and whsec_[redacted], whsec_[redacted]',
  ],
  ['rvya_sk_ alone', 'rvya_sk_ alone'],
  ['nothing here', 'nothing here'],
])('S8: %s', (text, expected) => {
  expect(redactSecrets(text)).toBe(expected);
});

it('S8: redacts before it cuts', () => {
  expect(quoteText(`${'x'.repeat(15)}rvya_sk_secret`, 30)).toBe(`${'x'.repeat(15)}rvya_sk_[redac…`);
});

it('S8: a URL that the API repeats is quoted without what signs it', () => {
  const text =
    'Cannot read "https://files.test/a.mp4?signature=s3cret" (see https://rivya.ai/docs).';
  expect(quoteText(text)).toBe(
    'Cannot read "https://files.test/a.mp4" (see https://rivya.ai/docs).',
  );
  expect(quoteText('gone: https://files.test/a.mp4#t=s3cret, try again? Yes.')).not.toMatch(
    /s3cret/,
  );
});
