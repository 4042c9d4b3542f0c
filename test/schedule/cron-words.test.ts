import { expect, it } from 'vitest';
import { whenWords } from '../../src/schedule/words.js';

const zone = 'Europe/Berlin';

it('says when a schedule runs, in words and as it was given', () => {
  for (const [cron, words] of [
    ['0 2 * * *', 'At 02:00, every day, in Europe/Berlin (0 2 * * *)'],
    ['30 9,18 * * 1-5', 'At 09:30 and 18:30, Monday through Friday, in Europe/Berlin'],
    ['0 9,12,18 * * *', 'At 09:00, 12:00 and 18:00, every day, in'],
    ['0 2 1 * *', 'At 02:00, on day 1 of the month, in'],
    ['*/10 * * * * *', 'Every 10 seconds, in'],
    ['@daily', 'At 00:00, every day, in'],
  ] as const) {
    expect(whenWords({ cron, zone })).toContain(words);
  }
});

it('gives a pattern that there are no words for as it is', () => {
  expect(whenWords({ cron: '@weekdays', zone })).toBe('@weekdays in Europe/Berlin');
});
