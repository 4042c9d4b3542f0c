import type { OutputOption } from '../options.js';
import { didYouMean, nearNames, orList } from '../rows/suggest-name.js';

/** Something that several briefs of one output differ by; two that come from the same output are the same. */
interface Axis {
  of: string;
  count: number;
}

/** What is wrong with a setting of an output. */
interface StepFault {
  output: string;
  key: 'after' | 'variants';
  reason: string;
}

/** Outputs in an order in which each stands behind those that it comes after. */
export interface Arranged {
  /** With how many variants each has on every axis: `[2, 3]` is `/1/1` to `/2/3`. */
  outputs: { option: OutputOption; axes: readonly number[] }[];
  faults: StepFault[];
}

/**
 * Puts outputs into the order in which they are made, or says why they cannot come after each other as they do.
 * @param variants of an output that comes after none and says nothing itself: what comes after others has theirs
 */
export function arrangeOutputs(options: readonly OutputOption[], variants: number): Arranged {
  const faults = options.flatMap(({ name, after }) =>
    afterFaults(name, after, options).map(
      (reason): StepFault => ({ output: name, key: 'after', reason }),
    ),
  );
  if (faults.length > 0) return { outputs: [], faults };
  const arranged = new Map<string, readonly Axis[]>();
  const outputs: Arranged['outputs'] = [];
  let waiting = options;
  while (waiting.length > 0) {
    const next = waiting.find(({ after }) => after.every((before) => arranged.has(before)));
    if (next === undefined) return { outputs: [], faults: [circleFault(waiting)] };
    const { name, after } = next;
    const inherited = inheritedAxes(after.map((before) => arranged.get(before) ?? []));
    if (inherited === null) {
      faults.push({ output: name, key: 'after', reason: axesReason(next, arranged) });
    }
    const own = next.variants ?? (after.length === 0 ? variants : 1);
    const axes = [...(inherited ?? []), ...(own > 1 ? [{ of: name, count: own }] : [])];
    arranged.set(name, axes);
    outputs.push({ option: next, axes: axes.map(({ count }) => count) });
    waiting = waiting.filter((option) => option !== next);
  }
  return { outputs, faults: [...faults, ...sameNames(outputs)] };
}

/** Variant 2 of an output `a` is called as an output `a/2`, which a list may have made. */
function sameNames(outputs: Arranged['outputs']): StepFault[] {
  return outputs.flatMap(({ option: { name }, axes }) =>
    outputs.flatMap(({ option: other, axes: othersAxes }): StepFault[] => {
      if (!other.name.startsWith(`${name}/`)) return [];
      const path = other.name.slice(name.length + 1).split('/');
      const isPath = path.every((part, at) => {
        return /^[1-9]\d*$/.test(part) && Number(part) <= (axes[at] ?? 0);
      });
      if (!isPath || path.length + othersAxes.length !== axes.length) return [];
      const reason = `one of them is called as output ${other.name}: give one of the two another name`;
      return [{ output: name, key: 'variants', reason }];
    }),
  );
}

function afterFaults(
  name: string,
  after: readonly string[],
  options: readonly OutputOption[],
): string[] {
  const names = options.map((option) => option.name);
  const twice = after.filter((before, at) => after.indexOf(before) !== at);
  return [
    ...[...new Set(after)].flatMap((before) => {
      if (before === name) return ['an output cannot come after itself'];
      return names.includes(before) ? [] : [unknownOutput(before, names)];
    }),
    ...[...new Set(twice)].map((before) => `${before} is named twice`),
  ];
}

/** A sentence about a name that no output has, such as that of several. */
export function unknownOutput(wanted: string, names: readonly string[]): string {
  const several = names.filter((name) => name.startsWith(`${wanted}/`));
  if (several.length > 0) {
    return `${wanted} makes several of each row: it must be one of ${orList(several)}`;
  }
  const near = nearNames(wanted, names);
  const hint = near.length === 0 ? '' : `: ${didYouMean(near)}`;
  return `there is no output "${wanted}"${hint}`;
}

/** The longest list of axes, where all others begin it; null where they do not. */
function inheritedAxes(before: readonly (readonly Axis[])[]): readonly Axis[] | null {
  const [longest = []] = [...before].sort((left, right) => right.length - left.length);
  const begins = (axes: readonly Axis[]) => axes.every(({ of }, at) => of === longest[at]?.of);
  return before.every(begins) ? longest : null;
}

function axesReason({ after }: OutputOption, arranged: ReadonlyMap<string, readonly Axis[]>) {
  const own = [...new Set(after.flatMap((name) => (arranged.get(name) ?? []).map(({ of }) => of)))];
  return `${after.join(' and ')} have variants of their own (those of ${own.join(' and ')}), and nothing says which of them belong together: let one come after the other, or leave the variants to one`;
}

/** What is left over waits for each other, or for those that do. */
function circleFault(waiting: readonly OutputOption[]): StepFault {
  const byName = new Map(waiting.map((option) => [option.name, option]));
  const way: string[] = [];
  let at = waiting[0];
  while (at !== undefined && !way.includes(at.name)) {
    way.push(at.name);
    at = at.after.map((before) => byName.get(before)).find((before) => before !== undefined);
  }
  const begin = at?.name ?? '';
  const circle = [...way.slice(way.indexOf(begin)), begin];
  return {
    output: begin,
    key: 'after',
    reason: `${circle.join(' comes after ')}, which has no beginning`,
  };
}
