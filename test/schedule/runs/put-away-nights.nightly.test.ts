import { expect, it } from 'vitest';
import { known, nights, openNights, wholeNight } from './nights.js';

it('120 nights leave Redis and disk as three do, and the history a hundred long', async () => {
  const bench = await openNights({ runs: 3 });
  const keys = async () => (await bench.connection.keys(`${bench.prefix}*`)).length;
  let afterFour: number | null = null;
  for (let number = 0; number < 120; number += 1) {
    await wholeNight(bench, number);
    if (number === 3) afterFour = await keys();
  }
  expect(await nights(bench)).toHaveLength(3);
  expect(await known(bench)).toHaveLength(3);
  expect(await keys()).toBe(afterFour);
  expect((await bench.ledger.runs('shots')).runs).toHaveLength(100);
});
