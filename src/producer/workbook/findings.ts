import { counted } from '../../shared/quantities.js';
import type { InputWarnings } from '../warnings.js';

interface CellPosition {
  row: number;
  /** From 0. */
  column: number;
}

/** Rows that are named of each finding. */
const mostNamed = 5;
/** Numbers of so many digits may be ids. */
const longestId = 20;
/** Spreadsheets keep 15 digits of a number. */
const firstInexact = 1e15;

/**
 * What is in a sheet and does not come out of it, or may not be what it was meant to be: counted while the sheet is
 * read, and told at its end.
 */
export class SheetFindings {
  readonly #columns: ColumnFindings[] = [];
  readonly #merged = { count: 0, first: [] as string[] };

  /** A number, and what its cell shows. */
  number({ row, column }: CellPosition, value: number, shown: string): void {
    const found = this.#column(column);
    if (Math.abs(value) >= firstInexact && Number.isInteger(value)) found.inexact.note(row);
    if (isZeroed(shown)) found.noteZeroed(shown.length);
    else if (Number.isInteger(value) && shown.length <= longestId && /^\d+$/.test(shown)) {
      found.notePlain(shown, row);
    }
  }

  text({ column }: CellPosition, shown: string): void {
    if (isZeroed(shown)) this.#column(column).noteZeroed(shown.length);
  }

  formulaWithoutValue({ row, column }: CellPosition): void {
    this.#column(column).withoutValue.note(row);
  }

  merged(reference: string): void {
    this.#merged.count += 1;
    if (this.#merged.first.length < mostNamed) this.#merged.first.push(reference.slice(0, 30));
  }

  /** @param label of the file, which may be one of several */
  tell(label: string, warnings: InputWarnings): void {
    for (const [at, found] of this.#columns.entries()) {
      if (found === undefined) continue;
      const column = columnName(at);
      for (const [rule, reason] of found.reasons()) {
        const whole = `${label}: column ${column} has ${reason}`;
        warnings.note({ rule, column, of: label }, null, () => whole);
      }
    }
    const { count, first } = this.#merged;
    if (count === 0) return;
    warnings.note({ rule: 'merged_cells', of: label }, null, () => {
      const ranges = `${first.join(', ')}${count > first.length ? ', ...' : ''}`;
      return `${label}: ${counted(count, 'merged range')} (${ranges}): the value stands in its first cell and the others are empty; --fill-down fills them from above`;
    });
  }

  #column(column: number): ColumnFindings {
    let found = this.#columns[column];
    if (found === undefined) {
      found = new ColumnFindings();
      this.#columns[column] = found;
    }
    return found;
  }
}

/** What is notable in one column. */
class ColumnFindings {
  readonly withoutValue = new NotedRows();
  readonly inexact = new NotedRows();
  /** How many begin with a zero, by their length. */
  readonly #zeroed = new Map<number, number>();
  /** Numbers that begin with none, by their length. */
  readonly #plain = new Map<number, { example: string; rows: NotedRows }>();

  noteZeroed(length: number): void {
    this.#zeroed.set(length, (this.#zeroed.get(length) ?? 0) + 1);
  }

  notePlain(shown: string, row: number): void {
    let noted = this.#plain.get(shown.length);
    if (noted === undefined) {
      noted = { example: shown, rows: new NotedRows() };
      this.#plain.set(shown.length, noted);
    }
    noted.rows.note(row);
  }

  /** Each as the end of a sentence that begins "column A has". */
  reasons(): ['no_value' | 'lost_zeros' | 'lost_digits', string][] {
    const { withoutValue, inexact } = this;
    const reasons: ReturnType<ColumnFindings['reasons']> = [];
    if (withoutValue.count > 0) {
      reasons.push([
        'no_value',
        `${counted(withoutValue.count, 'formula')} without a value (${withoutValue.text()}), as programs write them that work nothing out: they count as empty until the workbook is opened and saved in a spreadsheet`,
      ]);
    }
    const lost = this.#lostZeros();
    if (lost !== null) {
      const { rows, example, digits } = lost;
      reasons.push([
        'lost_zeros',
        `${counted(rows.count, 'number')}, such as ${example}, that may have lost zeros in front (${rows.text()}): others there begin with zeros and have ${counted(digits, 'digit')}`,
      ]);
    }
    if (inexact.count > 0) {
      reasons.push([
        'lost_digits',
        `${counted(inexact.count, 'number')} of more than 15 digits (${inexact.text()}): a spreadsheet keeps 15 and makes zeros of the rest; format such a column as text before it is filled`,
      ]);
    }
    return reasons;
  }

  /** Numbers that are shorter than most of those that begin with a zero; null where there are none. */
  #lostZeros(): { digits: number; example: string; rows: NotedRows } | null {
    const [most] = [...this.#zeroed].sort((left, right) => right[1] - left[1]);
    if (most === undefined) return null;
    const [digits] = most;
    const shorter = [...this.#plain].filter(([length]) => length < digits);
    const [first] = shorter.map(([, noted]) => noted);
    if (first === undefined) return null;
    const rows = new NotedRows();
    for (const [, noted] of shorter) rows.join(noted.rows);
    return { digits, example: first.example, rows };
  }
}

class NotedRows {
  count = 0;
  #first: number[] = [];

  note(row: number): void {
    this.count += 1;
    if (this.#first.length < mostNamed) this.#first.push(row);
  }

  join(other: NotedRows): void {
    this.count += other.count;
    this.#first = [...this.#first, ...other.#first].sort((a, b) => a - b).slice(0, mostNamed);
  }

  text(): string {
    const more = this.count > this.#first.length ? ', ...' : '';
    return `${this.count === 1 ? 'row' : 'rows'} ${this.#first.join(', ')}${more}`;
  }
}

/** `00123`: an id, and no amount. */
function isZeroed(text: string): boolean {
  return text.charCodeAt(0) === 48 && text.length <= longestId && /^0\d+$/.test(text);
}

/** `A` for 0. */
export function columnName(column: number): string {
  const letter = String.fromCharCode(65 + (column % 26));
  return column < 26 ? letter : `${columnName(Math.floor(column / 26) - 1)}${letter}`;
}
