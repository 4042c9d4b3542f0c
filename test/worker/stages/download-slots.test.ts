import { describe, expect, it } from 'vitest';
import { type DownloadSlot, DownloadSlots } from '../../../src/worker/stages/download-slots.js';

/** Works that end when they are told to, in the order in which they began. */
function openPlaces(concurrency: number) {
  const places = new DownloadSlots(concurrency);
  const begun: { place: DownloadSlot; end: () => void; fail: (error: Error) => void }[] = [];
  const hold = () =>
    places.hold(
      (place) =>
        new Promise<string>((resolve, reject) => {
          begun.push({ place, end: () => resolve('done'), fail: reject });
        }),
    );
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return { places, begun, hold, settled };
}

describe('DownloadSlots', () => {
  it('gives a place to the next one when a download has ended, however it ended', async () => {
    const { begun, hold, settled } = openPlaces(1);
    const [first, second] = [hold(), hold()];
    await settled();
    expect(begun).toHaveLength(1);
    begun[0]?.fail(new Error('disk'));
    await expect(first).rejects.toThrow('disk');
    await settled();
    expect(begun).toHaveLength(2);
    begun[1]?.end();
    expect(await second).toBe('done');
  });

  it('S2: one that stands goes on beside them, and the next has its place', async () => {
    const { places, begun, hold, settled } = openPlaces(2);
    expect(places.most).toBe(8);
    const all = Array.from({ length: 9 }, hold);
    await settled();
    expect(begun).toHaveLength(2);
    for (let count = 0; count < 6; count += 1) {
      // Told twice, it counts once.
      begun[count]?.place.stand();
      begun[count]?.place.stand();
      await settled();
      expect(begun).toHaveLength(count + 3);
    }
    // So many may stand and no more: the next one keeps its place until one of them has ended.
    begun[6]?.place.stand();
    await settled();
    expect(begun).toHaveLength(8);
    begun[0]?.end();
    await settled();
    expect(begun).toHaveLength(9);
    for (const { end } of begun) end();
    expect(await Promise.all(all)).toEqual(Array(9).fill('done'));
  });

  it('has all its places again when those that stood have ended', async () => {
    const { begun, hold, settled } = openPlaces(1);
    for (let round = 0; round < 10; round += 1) {
      const one = hold();
      await settled();
      begun[round]?.place.stand();
      begun[round]?.end();
      await one;
    }
    expect(begun).toHaveLength(10);
  });
});
