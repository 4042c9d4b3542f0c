import { stripVTControlCharacters } from 'node:util';
import Table from 'cli-table3';
import truncate from 'cli-truncate';
import pc from 'picocolors';
import wrap from 'wrap-ansi';
import type { Terminal } from './terminal.js';

/** One column of a table, and what becomes of it on a screen that is too narrow for all of them. */
export interface Column<Row> {
  head: string;
  text(row: Row): string;
  /** Colours what is left of the text. */
  paint?(shown: string, row: Row): string;
  align?: 'right';
  /** It may be made narrower, down to so many characters; absent: it is shown whole. */
  narrow?: {
    least: number;
    /** Prose goes on in the next line, prose of one line ends early, of a name both ends are kept. */
    by: 'next line' | 'end' | 'middle';
  };
  /** Where that is not enough, columns are left out, the highest number first; absent: it always stays. */
  leaveOut?: number;
  /** A column that says only this for each row is the first to go, and nobody misses it. */
  quiet?: string;
}

/** A table that fits, and what it does not show. */
interface FittedTable {
  text: string;
  leftOut: string[];
  /** Cells that are not whole. */
  cut: number;
}

const gap = 2;
const frameless = Object.fromEntries(
  [
    ...['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left'],
    ...['bottom-right', 'left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'],
  ].map((part) => [part, '']),
);

/** Prints the table as wide as the screen; to a file or a pipe it goes whole. What is not shown is said beside it. */
export function printTable<Row>(
  terminal: Terminal,
  rows: readonly Row[],
  columns: readonly Column<Row>[],
): void {
  const { text, leftOut, cut } = fitTable(rows, columns, terminal.lineWidth);
  terminal.print(text);
  const missing = [
    ...(leftOut.length > 0 ? [`without ${leftOut.join(', ')}`] : []),
    ...(cut > 0 ? ['with names cut'] : []),
  ];
  if (missing.length === 0) return;
  terminal.note(pc.dim(`Shown ${missing.join(' and ')}, to fit; --json has it all.`));
}

/** Lays rows out in columns of at most `width` characters in all. */
export function fitTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  width: number,
): FittedTable {
  const wished = columns.map((column) => {
    const texts = rows.map((row) => plain(column.text(row)));
    const whole = Math.max(column.head.length, ...texts.map((text) => text.length));
    const least = Math.min(whole, Math.max(column.head.length, column.narrow?.least ?? whole));
    const silent = rows.length > 0 && texts.every((text) => text === column.quiet);
    return { column, texts, whole, least, silent };
  });
  const kept = leaveOut(wished, width);
  const widths = share(kept, width);
  const table = new Table({
    head: kept.map(({ column }) => column.head),
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 0 },
    chars: { ...frameless, middle: ' '.repeat(gap) },
    colWidths: widths,
    colAligns: kept.map(({ column }) => column.align ?? 'left'),
  });
  let cut = 0;
  for (const [at, row] of rows.entries()) {
    table.push(
      kept.map(({ column, texts }, place) => {
        const text = texts[at] ?? '';
        const shown = fitCell(text, widths[place] ?? text.length, column.narrow?.by ?? 'end');
        if (shown.includes('…') && !text.includes('…')) cut += 1;
        return column.paint ? column.paint(shown, row) : shown;
      }),
    );
  }
  const leftOut = wished.filter((one) => !one.silent && !kept.includes(one));
  return {
    // The last column is filled up with spaces, which a narrow screen would put on a line of their own.
    text: withoutTrailingSpaces(table.toString()),
    leftOut: leftOut.map(({ column }) => column.head),
    cut,
  };
}

interface Wished {
  whole: number;
  least: number;
}

function leaveOut<
  One extends Wished & { column: Pick<Column<never>, 'leaveOut'>; silent: boolean },
>(wished: One[], width: number): One[] {
  const rank = ({ column, silent }: One) => (silent ? Number.POSITIVE_INFINITY : column.leaveOut);
  const goes = wished
    .filter((one) => rank(one) !== undefined)
    .sort((left, right) => (rank(right) ?? 0) - (rank(left) ?? 0));
  let kept = wished;
  for (const next of goes) {
    // Nothing is lost with a silent column, so none is narrowed for it.
    const need = next.silent ? total(kept, 'whole') : total(kept, 'least');
    if (need <= width) break;
    kept = kept.filter((one) => one !== next);
  }
  return kept;
}

function total(columns: readonly Wished[], which: 'whole' | 'least'): number {
  return columns.reduce((sum, one) => sum + one[which], gap * (columns.length - 1));
}

/** What is left of the width goes to those who can use it, in equal parts. */
function share(columns: readonly Wished[], width: number): number[] {
  const widths = columns.map(({ least }) => least);
  let left = width - total(columns, 'least');
  for (;;) {
    const hungry = columns.flatMap(({ whole }, at) => ((widths[at] ?? 0) < whole ? [at] : []));
    if (left <= 0 || hungry.length === 0) return widths;
    for (const at of hungry) {
      const { whole = 0 } = columns[at] ?? {};
      const more = Math.min(whole - (widths[at] ?? 0), Math.max(1, left / hungry.length), left);
      widths[at] = (widths[at] ?? 0) + Math.floor(more);
      left -= Math.floor(more);
    }
  }
}

/** Of foreign text, neither colours nor line breaks get into a table. */
function plain(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim();
}

function fitCell(text: string, width: number, by: NonNullable<Column<never>['narrow']>['by']) {
  if (text.length <= width) return text;
  switch (by) {
    case 'next line':
      return wrap(text, width)
        .split('\n')
        .map((line) => truncate(line, width))
        .join('\n');
    case 'end':
      return truncate(text, width, { preferTruncationOnSpace: true });
    case 'middle':
      return truncate(text, width, { position: 'middle' });
    default:
      return by satisfies never;
  }
}

function withoutTrailingSpaces(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
