import { describe, expect, it } from 'vitest';
import { GuessLimit } from '../../src/web/guess-limit.js';

const guess = (limit: GuessLimit, address: string, times: number, nowMs = 0) => {
  for (let time = 0; time < times; time += 1) limit.noteWrong(address, nowMs);
};

describe('the limit on guesses', () => {
  it('lets a person mistype five times, and makes the sixth wait, twice as long each time', () => {
    const limit = new GuessLimit();
    guess(limit, '10.0.0.1', 5);
    expect(limit.waitMs('10.0.0.1', 0)).toBe(0);
    guess(limit, '10.0.0.1', 1);
    expect(limit.waitMs('10.0.0.1', 0)).toBe(1_000);
    guess(limit, '10.0.0.1', 1);
    expect(limit.waitMs('10.0.0.1', 500)).toBe(1_500);
    guess(limit, '10.0.0.1', 20);
    expect(limit.waitMs('10.0.0.1', 0)).toBe(60_000);
    expect(limit.waitMs('10.0.0.2', 0)).toBe(0);
  });

  it('forgets after a quarter of an hour of quiet, and after the right password', () => {
    const limit = new GuessLimit();
    guess(limit, '10.0.0.1', 9);
    limit.noteWrong('10.0.0.1', 16 * 60_000);
    expect(limit.waitMs('10.0.0.1', 16 * 60_000)).toBe(0);
    guess(limit, '10.0.0.2', 9);
    limit.noteRight('10.0.0.2');
    expect(limit.waitMs('10.0.0.2', 0)).toBe(0);
  });

  it('counts a network of IPv6 as one, and an IPv4 address however it is written', () => {
    const limit = new GuessLimit();
    for (let host = 1; host <= 6; host += 1) limit.noteWrong(`2001:db8::${host}`, 0);
    expect(limit.waitMs('2001:db8::ffff', 0)).toBe(1_000);
    expect(limit.waitMs('2001:db8:0:1::1', 0)).toBe(0);
    guess(limit, '::ffff:10.0.0.1', 6);
    expect(limit.waitMs('10.0.0.1', 0)).toBe(1_000);
  });

  it('remembers so many addresses and no more', () => {
    const limit = new GuessLimit();
    for (let host = 0; host < 12_000; host += 1) {
      limit.noteWrong(`10.${host >> 16}.${(host >> 8) & 255}.${host & 255}`, 0);
    }
    expect(limit.size).toBe(10_000);
  });
});
