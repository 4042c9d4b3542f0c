import type { Comparison } from '../batch/compare.js';
import type { CompiledInput } from '../producer/compile-input.js';
import { type Example, ExamplePicker } from '../producer/sample.js';
import { longestChain, type Step } from '../producer/steps/step-counts.js';
import type { InputWarning } from '../producer/warnings.js';
import type { Model } from '../rivya/outcome.js';
import type { PreparedBrief } from '../shared/brief.js';
import { type Forecast, forecastInput } from './credits.js';
import { assumedChecks } from './outlook.js';
import { type KnownPace, type PlannedTime, planTime } from './time.js';

/** What a run is going to do, as far as can be said before it does it. */
export interface Plan {
  counts: CompiledInput['counts'];
  /** Briefs of each model in the input, those that are made already included. */
  models: { model: string; briefs: number }[];
  /** The same for each step of a row; none where no output comes after another. */
  steps: readonly Step[];
  warnings: InputWarning[];
  /** Requests to the API's own endpoints, for what is left to make. */
  requests: {
    submits: number;
    /** Of these, turns of chats: nothing of them is looked at. */
    turns: number;
    uploads: number;
    least: number;
    most: number;
  };
  /** `forecast.briefs` is what is left to make. */
  forecast: Forecast;
  /** Briefs that were sent before: they are only watched, and nothing more is paid for them. */
  watched: number;
  /** Null where the balance is not known. */
  wallet: number | null;
  /** What the input is to what its batch has; null where nobody looked. */
  compared: Comparison | null;
  time: PlannedTime;
  /** First, middle and last of the input. */
  examples: Example[];
}

export interface PlanFooting {
  models: Model[];
  wallet: number | null;
  /** Price kind -> the largest price seen; empty where nothing was learned yet. */
  learnedPrices: ReadonlyMap<string, number>;
  pace: KnownPace;
  /** What of the input is left to make; all of it where that is not known. */
  left?: (briefs: AsyncIterable<PreparedBrief>) => AsyncIterable<PreparedBrief>;
  comparison?: Comparison;
}

/** Reads the input once more, in constant memory. */
export async function makePlan(
  input: Pick<CompiledInput, 'briefs' | 'counts' | 'modelUse' | 'steps' | 'warnings' | 'uploads'>,
  footing: PlanFooting,
): Promise<Plan> {
  const { models, wallet, learnedPrices, pace, left = (briefs) => briefs } = footing;
  const { counts, modelUse, steps, warnings } = input;
  const picker = new ExamplePicker(counts.briefs);
  const briefs = left(picker.watch(input.briefs()));
  const forecast = await forecastInput(briefs, models, wallet, learnedPrices);
  const submits = forecast.briefs;
  const { turns } = forecast;
  const tasks = submits - turns;
  // At most: what was uploaded lately is not uploaded again.
  const uploads = submits === 0 ? 0 : input.uploads;
  return {
    counts,
    models: [...modelUse].map(([model, count]) => ({ model, briefs: count })),
    steps,
    warnings,
    // One look at a task is the least.
    requests: {
      submits,
      turns,
      uploads,
      least: uploads + turns + tasks * 2,
      most: uploads + turns + tasks * (1 + assumedChecks),
    },
    forecast,
    watched: 0,
    wallet,
    compared: footing.comparison ?? null,
    time: planTime({ briefs: submits, turns, modelUse, inTurn: longestChain(steps) }, pace, models),
    examples: picker.examples,
  };
}
