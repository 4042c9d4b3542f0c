import { expect, it } from 'vitest';
import { HintShare } from '../../../src/worker/polling/hint-share.js';

/** One end a second. */
function after(ends: ('hint' | 'check')[], lagMs: number | null = 10_000): HintShare {
  const share = new HintShare();
  for (const [second, by] of ends.entries()) share.note(by, lagMs, second * 1_000);
  return share;
}
const times = (count: number, by: 'hint' | 'check') => Array.from({ length: count }, () => by);

it('relies on no hint before one came, nor half a minute after the last', () => {
  expect(new HintShare().tasksAMiss(0)).toBe(1);
  expect(after(times(50, 'check')).tasksAMiss(50_000)).toBe(1);
  const share = after(times(50, 'hint'));
  expect(share.tasksAMiss(79_000)).toBeGreaterThan(30);
  expect(share.tasksAMiss(79_001)).toBe(1);
});

it('reckons with a miss in so many as there were lately, and never with none', () => {
  const ten = [...times(7, 'hint'), ...times(3, 'check')];
  const seven = Array.from({ length: 30 }, () => ten).flat();
  expect(after(seven).tasksAMiss(300_000)).toBeCloseTo(1 / 0.3, 0);
  expect(after(times(5_000, 'hint')).tasksAMiss(5_000_000)).toBeLessThanOrEqual(101);
  const lost = after([...times(500, 'hint'), ...times(50, 'check'), 'hint']);
  expect(lost.tasksAMiss(551_000)).toBeLessThan(3);
});

it('does not take it for a miss that a check was sooner than any hint could be', () => {
  const soon = after([...times(20, 'hint')]);
  const relied = soon.tasksAMiss(20_000);
  for (let count = 0; count < 20; count += 1) soon.note('check', 1_000, 20_000);
  expect(soon.tasksAMiss(20_000)).toBe(relied);
  soon.note('check', null, 20_000);
  expect(soon.tasksAMiss(20_000)).toBeLessThan(relied);
});
