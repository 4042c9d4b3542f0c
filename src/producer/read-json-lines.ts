import { findJsonFault } from './find-json-fault.js';
import { readJsonRow } from './json-row.js';
import { readText } from './read-text.js';
import type { RowFault } from './rejection.js';
import { ROWS_PER_GROUP, type Row, type RowGroup, type UnreadableRow } from './row.js';
import { type Source, sourceFault } from './source.js';

/** A line is one brief; what is larger is a file without line breaks. */
const LARGEST_LINE_CHARACTERS = 16 * 1024 * 1024;

/**
 * Rows of JSON Lines, numbered by their line in the file; blank lines count although they are skipped.
 * A line that is not JSON is a fault of that row alone.
 */
export async function* readJsonLines(source: Source): AsyncGenerator<RowGroup> {
  let number = 0;
  let group: RowGroup = [];
  for await (const lines of readLines(source)) {
    for (const line of lines) {
      number++;
      if (line.trim() === '') continue;
      group.push(readLine(line, number));
      if (group.length < ROWS_PER_GROUP) continue;
      yield group;
      group = [];
    }
  }
  if (group.length > 0) yield group;
}

async function* readLines(source: Source): AsyncGenerator<string[]> {
  let unfinished = '';
  let linesBefore = 0;
  for await (const piece of readText(source)) {
    const lines = piece.toString('utf8').split('\n');
    // Only what is new is looked through: a line of many pieces would be for each of them.
    lines[0] = unfinished + (lines[0] ?? '');
    unfinished = lines.pop() ?? '';
    linesBefore += lines.length;
    if (unfinished.length > LARGEST_LINE_CHARACTERS) {
      const reason = `line ${linesBefore + 1} is larger than 16 MB; JSON Lines has one brief a line`;
      throw sourceFault(source.label, reason);
    }
    yield lines;
  }
  yield [unfinished];
}

function readLine(line: string, number: number): Row | UnreadableRow {
  try {
    return readJsonRow(JSON.parse(line), number);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { kind: 'unreadable', number, fault: notJson(line) };
  }
}

function notJson(line: string): RowFault {
  const fault = findJsonFault(line);
  const place = fault === null ? '' : ` (column ${fault.column}: ${fault.what})`;
  return { kind: 'not_json', column: null, reason: `the line is not JSON${place}` };
}
