import { stringify } from 'csv-stringify/sync';
import type { JsonValue } from '../shared/json.js';
import type { ManifestLine } from '../shared/manifest-line.js';

/** What was decided about a line; null where nothing was. */
interface DecidedLines {
  of(line: ManifestLine): string | null;
}

/** A column of a table whose rows are made of a `Subject` each. */
export type Column<Subject = ManifestLine> = { name: string; value(subject: Subject): JsonValue };

const resultColumns: Column[] = [
  { name: 'brief_id', value: (line) => line.brief_id },
  { name: 'status', value: (line) => line.status },
  { name: 'asset', value: (line) => line.assets.map((asset) => asset.path).join(' | ') },
  { name: 'text', value: (line) => line.text ?? '' },
  { name: 'error_code', value: (line) => line.error?.code ?? '' },
  { name: 'error_message', value: (line) => line.error?.message ?? '' },
  { name: 'credits', value: (line) => line.credits.final ?? '' },
  { name: 'model', value: (line) => line.model },
  { name: 'prompt', value: (line) => line.prompt ?? '' },
  { name: 'params', value: (line) => JSON.stringify(line.params) },
  { name: 'task_id', value: (line) => line.task_id ?? '' },
  { name: 'attempt', value: (line) => line.attempt },
  { name: 'submitted', value: (line) => line.times.submitted ?? '' },
  { name: 'completed', value: (line) => line.times.completed ?? '' },
  { name: 'source', value: (line) => line.source },
  { name: 'row', value: (line) => line.row },
  { name: 'run', value: (line) => line.run ?? '' },
  { name: 'from', value: (line) => line.from ?? '' },
];

/** The columns of `manifest.csv`. */
export function csvColumns(inputColumns: readonly string[], decisions: DecidedLines): Column[] {
  const decision: Column = { name: 'decision', value: (line) => decisions.of(line) };
  return behindInput(inputColumns, [...resultColumns, decision]);
}

/** The input's columns, then the result's; one that both have is told apart. */
export function behindInput<Subject extends Pick<ManifestLine, 'input'>>(
  inputColumns: readonly string[],
  columns: readonly Column<Subject>[],
): Column<Subject>[] {
  const taken = new Set(inputColumns);
  return [
    ...inputColumns.map((name) => ({
      name,
      // Own members only: a column may be called `constructor`.
      value: ({ input }: Subject) => (Object.hasOwn(input, name) ? input[name] : '') ?? '',
    })),
    ...columns.map((column) => ({ ...column, name: freeName(column.name, taken) })),
  ];
}

function freeName(name: string, taken: ReadonlySet<string>): string {
  return taken.has(name) ? freeName(`result_${name}`, taken) : name;
}

/** Rows of CSV text; cells that a spreadsheet would run as a formula are made text. */
export function csvRows(rows: JsonValue[][]): string {
  return stringify(rows.map((row) => row.map((value) => withoutFormulas(cellText(value)))));
}

/** Characters with which a formula begins, the wide ones of East Asian keyboards included. */
const formula = '[=+\\-@\uff1d\uff0b\uff0d\uff20]';
const separator = '[,;|\\t\\r\\n]';
/** What programs pass over before a formula, or take for the end of a cell. */
const passedOver = '[\\s\\0,;|\u00ad\u200b-\u200f\u2060\ufeff]';
/** Tab and carriage return at the begin are dropped by some programs, with whatever follows them then coming first. */
const beginsFormula = new RegExp(`^(?:[\t\r]|${passedOver}*${formula})`, 'u');
/**
 * A program that separates by semicolons, or that takes no notice of quotes, begins a new cell in the middle of this
 * one. There a list's hyphen is common, and runs nothing; what calls a function or a program is not.
 */
const insideFormula = new RegExp(
  `(${separator}) *(?=[=@\uff1d\uff20]|[+\\-\uff0b\uff0d][^,;\\t\\r\\n]{0,200}?(?:[A-Za-z]\\(|\\|))`,
  'gu',
);

function withoutFormulas(text: string): string {
  const inside = text.replaceAll(insideFormula, "$&'");
  return beginsFormula.test(text) ? `'${inside}` : inside;
}

export function csvRow<Subject>(
  columns: readonly Column<Subject>[],
  subject: Subject,
): JsonValue[] {
  return columns.map((column) => column.value(subject));
}

function cellText(value: JsonValue): string {
  if (value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
