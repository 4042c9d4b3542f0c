import type { Place } from './forecast-credits.js';

/** What may be a slip, and is sent all the same: the list of models may be behind the API. */
export interface InputWarning {
  rule: 'unknown_model' | 'unknown_param';
  model: string;
  /** Null where it is about the model. */
  param: string | null;
  reason: string;
  /** How many rows it is about. */
  count: number;
  firstRows: Place[];
}

const ROWS_NAMED = 5;
/** Keys of JSON input may be different in every item: more than this helps nobody. */
const MOST_WARNINGS = 200;

/** Counts by rule, model and param, so that a million rows take no more room than one. */
export class InputWarnings {
  readonly #warnings = new Map<string, InputWarning>();

  /** `reasonOf` is asked the first time only. */
  note(
    about: Pick<InputWarning, 'rule' | 'model' | 'param'>,
    place: Place,
    reasonOf: () => string,
  ): void {
    const key = `${about.rule}\n${about.model}\n${about.param ?? ''}`;
    let warning = this.#warnings.get(key);
    if (warning === undefined) {
      if (this.#warnings.size === MOST_WARNINGS) return;
      warning = { ...about, reason: reasonOf(), count: 0, firstRows: [] };
      this.#warnings.set(key, warning);
    }
    warning.count += 1;
    if (warning.firstRows.length < ROWS_NAMED) warning.firstRows.push(place);
  }

  /** The most frequent first. */
  list(): InputWarning[] {
    return [...this.#warnings.values()].sort((left, right) => right.count - left.count);
  }
}
