import { InvalidArgumentError } from 'commander';

/** For commander: a whole number from `least` on. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`It must be a whole number from ${least} on.`);
    }
    return value;
  };
}

/** For commander: a finite number above zero, or from zero on. */
export function amount(least: 'above zero' | 'from zero on'): (text: string) => number {
  return (text) => {
    const value = Number(text);
    const fits = least === 'above zero' ? value > 0 : value >= 0;
    if (text.trim() === '' || !Number.isFinite(value) || !fits) {
      throw new InvalidArgumentError(`It must be a number ${least}.`);
    }
    return value;
  };
}
