import type { RowPosition } from './rows/row.js';

/** What may be a slip, and is sent all the same: only a person can say. */
export interface InputWarning extends About {
  reason: string;
  /** How many rows it is about; 0 where it is about the whole file. */
  count: number;
  firstRows: RowPosition[];
}

type WarningRule =
  /** The list of models may be behind the API. */
  | 'unknown_model'
  | 'unknown_param'
  /** A param that is called as if it were a column of the user's own. */
  | 'unsent_param'
  | 'nothing_word'
  | 'invisible_ends'
  | 'missing_cells'
  | 'empty_below'
  | 'no_id'
  | 'header_row'
  /** Of a workbook: which of its sheets is read, and what is in it that does not come out of it, or not as it was meant. */
  | 'sheets'
  | 'hidden_rows'
  | 'merged_cells'
  | 'no_value'
  | 'lost_zeros'
  | 'lost_digits'
  | 'unmet_condition';

interface About {
  rule: WarningRule;
  /** Null where it is about no model, param or column. */
  model: string | null;
  param: string | null;
  column: string | null;
}

type WarningAbout = Pick<About, 'rule'> & Partial<About> & { of?: string };

const ROWS_NAMED = 5;
/** Keys of JSON input may be different in every item: more than this helps nobody. */
const MOST_WARNINGS = 200;

/** Counts by what they are about, so that a million rows take no more room than one. */
export class InputWarnings {
  readonly #warnings = new Map<string, { warning: InputWarning; latest: RowPosition | null }>();

  /** `of`: which file, where each is told apart; `position`: null for the whole input; `reasonOf` is asked the first time only. */
  note(
    { rule, model = null, param = null, column = null, of = '' }: WarningAbout,
    position: RowPosition | null,
    reasonOf: () => string,
  ): void {
    const key = `${rule}\n${model ?? ''}\n${param ?? ''}\n${column ?? ''}\n${of}`;
    let noted = this.#warnings.get(key);
    if (noted === undefined) {
      if (this.#warnings.size === MOST_WARNINGS) return;
      const warning = { rule, model, param, column, reason: reasonOf(), count: 0, firstRows: [] };
      noted = { warning, latest: null };
      this.#warnings.set(key, noted);
    }
    if (position === null || isSameRow(position, noted.latest)) return;
    noted.latest = position;
    noted.warning.count += 1;
    if (noted.warning.firstRows.length < ROWS_NAMED) noted.warning.firstRows.push(position);
  }

  /** What is about whole files first, then the most frequent. */
  list(): InputWarning[] {
    const rank = ({ count }: InputWarning) => (count === 0 ? Number.POSITIVE_INFINITY : count);
    const all = [...this.#warnings.values()].map(({ warning }) => warning);
    return all.sort((left, right) => (rank(left) === rank(right) ? 0 : rank(right) - rank(left)));
  }
}

/** Several outputs of one row may meet the same. */
function isSameRow(left: RowPosition, right: RowPosition | null): boolean {
  return right !== null && left.row === right.row && left.source === right.source;
}
