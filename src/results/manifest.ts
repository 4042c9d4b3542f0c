import { type FileHandle, open } from 'node:fs/promises';
import { BatchError } from '../shared/errors.js';
import type { JsonValue } from '../shared/json.js';
import { judgeLine, type ManifestLine } from '../shared/manifest-line.js';
import { readLines } from '../shared/read-lines.js';
import { csvColumns, csvRow, csvRows } from './manifest-csv.js';

export type ManifestFormat = 'jsonl' | 'csv' | 'json';

interface Place {
  source: string;
  row: number;
  seq: number;
  offset: number;
  length: number;
}

const rowsAtOnce = 500;

/**
 * A line of a manifest that is ours, word for word.
 * @throws BatchError `batch_conflict` where it is none
 */
export function parseManifestLine(text: string, path: string): ManifestLine {
  const judged = judgeLine(text);
  if (judged.kind === 'line') return judged.line;
  throw new BatchError(
    'batch_conflict',
    `${path} is not as rivya-batch wrote it (a line of it cannot be read: ${judged.reason}). Put the file back as it was, or give another folder with --out; "rivya-batch verify" names each such line.`,
  );
}

/**
 * By file and row, not by the order of admission alone: a trial admits briefs from everywhere before the others.
 * Files come in the order in which they were first admitted from.
 */
function inInputOrder(places: Place[]): Place[] {
  places.sort((a, b) => a.seq - b.seq);
  const ranks = new Map<string, number>();
  for (const { source } of places) if (!ranks.has(source)) ranks.set(source, ranks.size);
  const rank = ({ source }: Place) => ranks.get(source) ?? 0;
  return places.sort((a, b) => rank(a) - rank(b) || a.row - b.row || a.seq - b.seq);
}

/** The lines of a manifest in input order; only their places are kept in memory. */
export class ManifestFile {
  private constructor(
    private readonly path: string,
    private readonly places: Place[],
    /** The input's columns, in the order in which they first appear. */
    readonly inputColumns: readonly string[],
  ) {}

  /** An absent file is an empty manifest; a torn last line is left out. */
  static async read(path: string): Promise<ManifestFile> {
    const places: Place[] = [];
    const columns = new Set<string>();
    for await (const { text, offset, length, end } of readLines(path)) {
      if (end === 'torn' || text === '') continue;
      const line = parseManifestLine(text, path);
      const { source, row, seq } = line;
      places.push({ source, row, seq, offset, length });
      for (const column of Object.keys(line.input)) columns.add(column);
    }
    return new ManifestFile(path, inInputOrder(places), [...columns]);
  }

  get size(): number {
    return this.places.length;
  }

  async *lines(): AsyncGenerator<{ text: string; line: ManifestLine }> {
    if (this.places.length === 0) return;
    const file = await open(this.path, 'r');
    try {
      for (const { offset, length } of this.places) {
        const { buffer } = await file.read(Buffer.alloc(length), 0, length, offset);
        const text = buffer.toString('utf8').trimEnd();
        yield { text, line: parseManifestLine(text, this.path) };
      }
    } finally {
      await file.close();
    }
  }

  /** The manifest as text in one of the formats, in pieces. */
  async *export(format: ManifestFormat): AsyncGenerator<string> {
    switch (format) {
      case 'jsonl':
        for await (const { text } of this.lines()) yield `${text}\n`;
        return;
      case 'json':
        yield* this.jsonArray();
        return;
      case 'csv':
        yield* this.csv();
        return;
      default:
        format satisfies never;
    }
  }

  private async *jsonArray(): AsyncGenerator<string> {
    let before = '[\n';
    for await (const { text } of this.lines()) {
      yield before + text;
      before = ',\n';
    }
    yield this.size === 0 ? '[]\n' : '\n]\n';
  }

  private async *csv(): AsyncGenerator<string> {
    const columns = csvColumns(this.inputColumns);
    let rows: JsonValue[][] = [columns.map((column) => column.name)];
    for await (const { line } of this.lines()) {
      rows.push(csvRow(columns, line));
      if (rows.length < rowsAtOnce) continue;
      yield csvRows(rows);
      rows = [];
    }
    if (rows.length > 0) yield csvRows(rows);
  }
}

/**
 * The lines of a manifest that may have been damaged, in file order and constant memory; an absent file has none.
 * @param unreadable is told the row, from 1, of each line that cannot be read
 */
export async function* manifestLines(
  path: string,
  unreadable: (row: number) => void,
): AsyncGenerator<ManifestLine> {
  let row = 0;
  for await (const { text, end } of readLines(path)) {
    row += 1;
    if (end === 'torn' || text === '') continue;
    const judged = judgeLine(text);
    if (judged.kind === 'line') yield judged.line;
    else unreadable(row);
  }
}

interface LinePlace {
  offset: number;
  length: number;
}

/** The lines of a manifest whose briefs succeeded, by brief; only their places are kept in memory. */
export class SucceededLines {
  private constructor(
    private readonly file: FileHandle,
    private readonly places: ReadonlyMap<string, LinePlace>,
  ) {}

  static async read(path: string): Promise<SucceededLines> {
    const places = new Map<string, LinePlace>();
    for await (const { text, offset, length, end } of readLines(path)) {
      const judged = end === 'torn' || text === '' ? null : judgeLine(text);
      if (judged?.kind !== 'line' || judged.line.status !== 'succeeded') continue;
      places.set(judged.line.brief_id, { offset, length });
    }
    return new SucceededLines(await open(path, 'r'), places);
  }

  async textOf(briefId: string): Promise<string | null> {
    const place = this.places.get(briefId);
    if (place === undefined) return null;
    const { offset, length } = place;
    const { buffer } = await this.file.read(Buffer.alloc(length), 0, length, offset);
    return buffer.toString('utf8').trimEnd();
  }

  close(): Promise<void> {
    return this.file.close();
  }
}
