import type { Output } from '../mapping/mapping.js';

/** One output of a recipe whose outputs come after one another, and what an input makes of it. */
export interface Step {
  output: string;
  after: readonly string[];
  /** Whether a person looks at it before anything that comes after it is made. */
  approve: boolean;
  models: { model: string; briefs: number }[];
}

/** Counts briefs by output and model, in the order in which outputs are made. */
export class StepCounts {
  readonly #counts = new Map<string, Map<string, number>>();

  constructor(private readonly outputs: readonly Pick<Output, 'name' | 'after' | 'approve'>[]) {
    for (const { name } of outputs) if (name !== null) this.#counts.set(name, new Map());
  }

  add(output: string | null, model: string, briefs: number): void {
    const models = output === null ? undefined : this.#counts.get(output);
    models?.set(model, (models.get(model) ?? 0) + briefs);
  }

  /** Briefs of each output. */
  byOutput(): Map<string, number> {
    const sum = (models: ReadonlyMap<string, number>) =>
      [...models.values()].reduce((briefs, count) => briefs + count, 0);
    return new Map([...this.#counts].map(([output, models]) => [output, sum(models)]));
  }

  /** None where no output comes after another. */
  steps(): Step[] {
    if (this.outputs.every(({ after }) => after.length === 0)) return [];
    return this.outputs.flatMap(({ name, after, approve }) => {
      if (name === null) return [];
      const models = [...(this.#counts.get(name) ?? [])];
      return [
        {
          output: name,
          after,
          approve,
          models: models.map(([model, briefs]) => ({ model, briefs })),
        },
      ];
    });
  }
}

/** How many steps of a row are made one after the other at most. */
export function longestChain(steps: readonly Step[]): number {
  const lengths = new Map<string, number>();
  // What comes after another stands behind it.
  for (const { output, after } of steps) {
    lengths.set(output, 1 + Math.max(0, ...after.map((before) => lengths.get(before) ?? 0)));
  }
  return Math.max(1, ...lengths.values());
}
