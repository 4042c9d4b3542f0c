import { beforeEach, describe, expect, test, vi } from 'vitest';
import { PaceWorld, type Span, seededNumbers, type World } from '../support/pace-world.js';

/** Of what the limit allows in this span. */
const share = ({ taken, seconds }: Span, perSecond: number) => taken / seconds / perSecond;
const refused = (span: Span) => span.refused / (span.refused + span.taken);

async function worldAfter(world: World, seconds: number): Promise<PaceWorld> {
  const simulation = new PaceWorld(world);
  await simulation.run(seconds);
  return simulation;
}

// The jitter of back-offs is the one thing that is left to chance.
beforeEach(() => {
  const numbers = seededNumbers('jitter');
  vi.spyOn(Math, 'random').mockImplementation(() => numbers.next());
  return () => vi.restoreAllMocks();
});

describe('a limit that was told is used up and kept (S7), on simulated time', () => {
  test.for([
    { limit: 1, processes: 1 },
    { limit: 10, processes: 1 },
    { limit: 20, processes: 4 },
  ])('$limit requests a second, $processes processes', async ({ limit, processes }) => {
    const simulation = await worldAfter({ limit: { limit }, told: limit, processes }, 20);
    const span = await simulation.run(60);
    expect(share(span, limit)).toBeGreaterThan(0.95);
    expect(refused(span)).toBeLessThanOrEqual(0.001);
  });

  test('one that is halved meanwhile is found again', async () => {
    const simulation = await worldAfter({ limit: { limit: 10 }, told: 10 }, 20);
    simulation.setLimit({ limit: 5 });
    await simulation.run(30);
    const span = await simulation.run(60);
    expect(share(span, 5)).toBeGreaterThan(0.85);
    expect(refused(span)).toBeLessThan(0.01);
  });
});

describe('a limit that nobody told is learned (S7), on simulated time', () => {
  test.for<{ name: string; world: World['limit']; perSecond: number }>([
    { name: '1 a second', world: { limit: 1 }, perSecond: 1 },
    { name: '5 a second', world: { limit: 5 }, perSecond: 5 },
    {
      name: '6 a second, a bucket that says nothing',
      world: { limit: 6, window: 'bucket', retryAfter: 'none' },
      perSecond: 6,
    },
    { name: '6 a second, sliding', world: { limit: 6, window: 'sliding' }, perSecond: 6 },
    { name: '600 a minute', world: { limit: 600, windowMs: 60_000 }, perSecond: 10 },
  ])('$name', async ({ world, perSecond }) => {
    const simulation = await worldAfter({ limit: world, told: null }, 120);
    const span = await simulation.run(100);
    expect(share(span, perSecond)).toBeGreaterThan(0.85);
    expect(refused(span)).toBeLessThan(0.012);
  });

  test('by four processes together', async () => {
    const world: World = { limit: { limit: 20 }, told: null, processes: 4 };
    const simulation = await worldAfter(world, 45);
    const span = await simulation.run(40);
    expect(share(span, 20)).toBeGreaterThan(0.85);
    expect(refused(span)).toBeLessThan(0.01);
  });

  test('one that is halved is back under 1 % within 30 s; one that is doubled is found', async () => {
    const simulation = await worldAfter({ limit: { limit: 10 }, told: null }, 60);
    simulation.setLimit({ limit: 5 });
    await simulation.run(30);
    const halved = await simulation.run(60);
    expect(refused(halved)).toBeLessThan(0.01);
    expect(share(halved, 5)).toBeGreaterThan(0.85);
    simulation.setLimit({ limit: 10 });
    await simulation.run(210);
    expect(share(await simulation.run(30), 10)).toBeGreaterThan(0.8);
  });

  test('from what the API says of it in its headers, without being refused', async () => {
    const limit = { limit: 600, windowMs: 60_000, headers: 'x-ratelimit' } as const;
    const simulation = await worldAfter({ limit, told: null }, 30);
    const span = await simulation.run(60);
    expect(share(span, 10)).toBeGreaterThan(0.95);
    expect(refused(span)).toBe(0);
  });

  test.for([
    { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '3600' },
    { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '60' },
    { 'x-ratelimit-remaining': '3', 'x-ratelimit-reset': '3600', 'x-ratelimit-limit': '60' },
    { 'x-ratelimit-remaining': '999999', 'x-ratelimit-reset': '1', 'x-ratelimit-limit': '999999' },
  ])('whatever nonsense its headers say: %o', async (headers) => {
    const simulation = await worldAfter({ limit: { limit: 5 }, told: null, headers }, 120);
    const span = await simulation.run(100);
    expect(share(span, 5)).toBeGreaterThan(0.8);
    expect(refused(span)).toBeLessThan(0.02);
  });

  test('one request a minute: no more than two refusals while it is found out', async () => {
    const simulation = new PaceWorld({ limit: { limit: 1, windowMs: 60_000 }, told: null });
    const span = await simulation.run(300);
    expect(span.refused).toBeLessThanOrEqual(2);
    expect(span.taken).toBeGreaterThanOrEqual(4);
  });
});

describe('turns where they are scarce (S7), on simulated time', () => {
  test('checks of paid work come first, in the order in which they came due; submissions never starve', async () => {
    const simulation = new PaceWorld({ limit: { limit: 10 }, told: 10, taskMs: 15_000 });
    const first = await simulation.run(15);
    // 150 tasks end one after another; seven of eight turns are theirs, so a check waits for the turns of those before it.
    const tasks = first.taken;
    const span = await simulation.run(60);
    expect(simulation.latestCheckMs).toBeLessThan((tasks / (10 * 0.98)) * (8 / 7) * 1000);
    expect(span.taken - span.finished).toBeGreaterThan(60);
    expect(share(span, 10)).toBeGreaterThan(0.95);
  });
});
