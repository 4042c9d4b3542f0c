import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { csvRows } from '../results/manifest-csv.js';
import { withdraw } from '../results/mirror.js';
import type { JsonValue } from '../shared/json.js';
import type { Rejection, RejectionKind } from './rejection.js';
import type { RowPosition } from './rows/row.js';

const CHARACTERS_PER_WRITE = 1 << 16;
const CSV_ROWS_AT_ONCE = 500;
const ROWS_NAMED = 5;

/** Faults of one kind in one column. */
export interface RejectionGroup {
  kind: RejectionKind;
  column: string | null;
  /** How many rows have it. */
  count: number;
  /** The first one's reason, word for word. */
  example: string;
  firstRows: RowPosition[];
}

/** The same faults, for programs and for a spreadsheet. */
export interface RejectedFiles {
  jsonl: string;
  csv: string;
}

/** The file that was asked for, and the other one beside it: `rejected.jsonl` and `rejected.csv`. */
export function rejectedFiles(path: string): RejectedFiles {
  const stem = path.replace(/\.(jsonl|csv)$/i, '');
  const jsonl = stem !== path && path.toLowerCase().endsWith('.csv') ? `${stem}.jsonl` : path;
  return { jsonl, csv: jsonl === path ? `${stem}.csv` : path };
}

/**
 * Writes `rejected.jsonl` and `rejected.csv`, one line for each fault: source, row, id, column, rule, reason.
 * Both are there whole or not at all; older ones of these names are replaced. Returns the number of lines.
 */
export async function writeRejected(
  files: RejectedFiles,
  rejections: AsyncIterable<Rejection>,
): Promise<number> {
  const jsonl = await PartFile.open(files.jsonl);
  const csv = await PartFile.open(files.csv);
  try {
    let lines = 0;
    let rows: JsonValue[][] = [['source', 'row', 'id', 'column', 'rule', 'reason']];
    for await (const rejection of rejections) {
      const { source, row, id, column, kind, reason } = rejection;
      await jsonl.write(`${rejectedLine(rejection)}\n`);
      rows.push([source, row, id, column, kind, reason]);
      lines++;
      if (rows.length < CSV_ROWS_AT_ONCE) continue;
      await csv.write(csvRows(rows));
      rows = [];
    }
    if (rows.length > 0) await csv.write(csvRows(rows));
    await jsonl.finish();
    await csv.finish();
    return lines;
  } finally {
    await jsonl.abandon();
    await csv.abandon();
  }
}

/** A line of `rejected.jsonl`. */
export function rejectedLine({ source, row, id, column, kind: rule, reason }: Rejection): string {
  return JSON.stringify({ source, row, id, column, rule, reason });
}

/** One of an earlier run would say what is no longer so. */
export async function removeRejected({ jsonl, csv }: RejectedFiles): Promise<void> {
  for (const path of [jsonl, csv]) await withdraw(dirname(path), [basename(path)]);
}

/** The faults by kind and column for the screen, the most frequent first. */
export async function groupRejections(
  rejections: AsyncIterable<Rejection>,
): Promise<RejectionGroup[]> {
  const groups = new Map<string, RejectionGroup>();
  const lastRows = new Map<RejectionGroup, string>();
  for await (const { kind, column, reason, source, row } of rejections) {
    const key = `${kind} ${column ?? ''}`;
    const group = groups.get(key) ?? { kind, column, count: 0, example: reason, firstRows: [] };
    groups.set(key, group);
    // Faults of one row come one after the other: three wrong references are one row.
    const position = `${row} ${source}`;
    if (lastRows.get(group) === position) continue;
    lastRows.set(group, position);
    group.count++;
    if (group.firstRows.length < ROWS_NAMED) group.firstRows.push({ source, row });
  }
  return [...groups.values()].sort((left, right) => right.count - left.count);
}

/** A file under another name until it is whole. */
class PartFile {
  #pending = '';

  private constructor(
    private readonly path: string,
    private readonly temporary: string,
    private readonly handle: Awaited<ReturnType<typeof open>>,
  ) {}

  static async open(path: string): Promise<PartFile> {
    const temporary = `${path}.${process.pid}.tmp`;
    return new PartFile(path, temporary, await open(temporary, 'w', 0o644));
  }

  async write(text: string): Promise<void> {
    this.#pending += text;
    if (this.#pending.length < CHARACTERS_PER_WRITE) return;
    await this.handle.writeFile(this.#pending);
    this.#pending = '';
  }

  async finish(): Promise<void> {
    await this.handle.writeFile(this.#pending);
    await this.handle.sync();
    await rename(this.temporary, this.path);
  }

  /** After `finish` there is nothing left to take away. */
  async abandon(): Promise<void> {
    await this.handle.close();
    await rm(this.temporary, { force: true });
  }
}
