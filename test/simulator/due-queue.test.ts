import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DueQueue } from '../../src/simulator/task-book.js';

test('items come out in the order of their due times, and none before it', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(100)), fc.nat(100), (times, now) => {
      const queue = new DueQueue<number>();
      for (const time of times) queue.add(time, time);
      const taken: number[] = [];
      for (let item = queue.takeDue(now); item !== undefined; item = queue.takeDue(now)) {
        taken.push(item);
      }
      const due = times.filter((time) => time <= now).toSorted((one, other) => one - other);
      expect(taken).toEqual(due);
    }),
  );
});
