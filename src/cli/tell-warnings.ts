import pc from 'picocolors';
import type { Place } from '../producer/forecast-credits.js';
import type { InputWarning } from '../producer/input-warnings.js';

/** More kinds of trouble than this are not read on a screen. */
const mostShown = 8;

/** What may be a slip in rows that are taken all the same. */
export function warningLines(warnings: readonly InputWarning[]): string[] {
  const lines = warnings.slice(0, mostShown).map(({ count, firstRows, reason }) => {
    return count === 0 ? reason : `${rowsText({ count, firstRows })}: ${reason}`;
  });
  const more = warnings.length - lines.length;
  if (more > 0) lines.push(`and ${more} more of this kind (check --json lists them)`);
  return lines;
}

/** "row 7", or "3 rows (7, 9, 12)". */
export function rowsText({ count, firstRows }: { count: number; firstRows: Place[] }): string {
  const rows = firstRows.map(({ row }) => row).join(', ');
  if (count === 1) return `row ${rows}`;
  return `${count} rows ${pc.dim(`(${rows}${count > firstRows.length ? ', ...' : ''})`)}`;
}
