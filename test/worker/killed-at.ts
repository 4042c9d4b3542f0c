export class Killed extends Error {}

export type Moment = 'before' | 'after';

/** The same thing for a process that is killed at one of its calls, counted over `counter`. */
export function killedAt<T extends object>(
  target: T,
  counter: { left: number },
  moment: Moment,
): T {
  return new Proxy(target, {
    get(_target, name) {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== 'function') return member;
      return (...values: unknown[]) => {
        counter.left -= 1;
        if (counter.left === 0 && moment === 'before') throw new Killed();
        const answer = member.apply(target, values) as unknown;
        if (counter.left !== 0 || !(answer instanceof Promise)) return answer;
        return answer.then(() => {
          throw new Killed();
        });
      };
    },
  });
}
