import type { StepInput } from '../../shared/brief.js';
import type { PreparedOutput } from '../outputs/prepare-output.js';

/** `['']` for no axis, `['/1', '/2']` for one of two, `['/1/1', ...]` for more. */
function pathsOf(axes: readonly number[]): string[] {
  return axes.reduce(
    (paths, count) =>
      paths.flatMap((path) => Array.from({ length: count }, (_, at) => `${path}/${at + 1}`)),
    [''],
  );
}

export function countVariants(axes: readonly number[]): number {
  return axes.reduce((product, count) => product * count, 1);
}

/** The ids of all of an output's variants; of one that comes after others, each begins with the path of those. */
export function variantIds({ id, axes }: Pick<PreparedOutput, 'id' | 'axes'>): string[] {
  return pathsOf(axes).map((path) => `${id}${path}`);
}

/** The variants of an output that comes after others, each with the very briefs that it comes after. */
export function variantsAfter({ id, axes, origin, before }: PreparedOutput) {
  return pathsOf(axes).map((path) => {
    const after = before.map(({ output, prepared, approve }): StepInput => {
      const shared = path.split('/').slice(0, prepared.axes.length + 1);
      return {
        output,
        id: `${prepared.id}${shared.join('/')}`,
        fingerprint: prepared.fingerprint,
        ...(approve && { approve }),
      };
    });
    return {
      id: `${id}${path}`,
      origin: `${origin.slice(0, -1)},"after":${JSON.stringify(after)}}`,
    };
  });
}
