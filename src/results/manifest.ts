import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { BatchError } from '../shared/errors.js';
import { type JsonValue, parseJson } from '../shared/json.js';
import { type ManifestLine, manifestLineSchema } from '../shared/manifest-line.js';
import { readLines } from '../shared/read-lines.js';
import { fileNames } from './file-names.js';
import { csvColumns, csvRow, csvRows } from './manifest-csv.js';

export type JudgedLine =
  | { kind: 'line'; line: ManifestLine }
  /** `reason` ends a sentence that begins with the line. */
  | { kind: 'unreadable'; reason: string };

/** What stands on one row of a manifest. */
export type FoundLine = {
  /** As it is written. */
  text: string;
  /** From 1, counted from where the reading began. */
  row: number;
  /** In bytes. */
  offset: number;
  /** In bytes, with the newline if there is one. */
  length: number;
} & (
  | JudgedLine
  /** Nobody of ours leaves one; whoever reads lines passes it over. */
  | { kind: 'blank' }
  /** The last row has no newline: it was cut off while it was written, and does not count, whatever it holds. */
  | { kind: 'torn' }
);

/**
 * Every row of a folder's manifest, in file order and constant memory; an absent file has none. Whoever needs a line, or
 * where it stands, reads it with this.
 * @param isWanted looks at a row's text before it is parsed, where few of many rows are wanted
 */
export async function* readManifest(
  out: string,
  fromOffset = 0,
  isWanted: (text: string) => boolean = () => true,
): AsyncGenerator<FoundLine> {
  let row = 0;
  for await (const { text, offset, length, end } of readLines(manifestPath(out), fromOffset)) {
    row += 1;
    const span = { text, row, offset, length };
    if (end === 'torn') yield { ...span, kind: 'torn' };
    else if (text === '') yield { ...span, kind: 'blank' };
    else if (isWanted(text)) yield { ...span, ...judgeLine(text) };
  }
}

/**
 * The lines of a manifest that may have been damaged.
 * @param unreadable is told the row of each that cannot be read
 */
export async function* readableLines(
  out: string,
  unreadable: (row: number) => void,
): AsyncGenerator<ManifestLine> {
  for await (const found of readManifest(out)) {
    if (found.kind === 'line') yield found.line;
    else if (found.kind === 'unreadable') unreadable(found.row);
  }
}

/** Lines that a retry or a fresh start replaced. The history promises nothing, so what cannot be read is passed over. */
export async function* readHistory(
  out: string,
  isWanted: (text: string) => boolean = () => true,
): AsyncGenerator<ManifestLine> {
  for await (const { text } of readLines(join(out, fileNames.history))) {
    const judged = isWanted(text) ? judgeLine(text) : null;
    if (judged?.kind === 'line') yield judged.line;
  }
}

/** Reads one line, wherever it was kept. */
export function judgeLine(text: string): JudgedLine {
  const json = parseJson(text);
  if (json === undefined) return { kind: 'unreadable', reason: 'it is not JSON' };
  const parsed = manifestLineSchema.safeParse(json);
  if (parsed.success) return { kind: 'line', line: parsed.data };
  const [issue] = parsed.error.issues;
  const field = issue?.path.join('.') || 'the whole';
  return { kind: 'unreadable', reason: `${field}: ${issue?.message ?? 'not as it should be'}` };
}

/**
 * The line of a row, where each is to be ours, word for word.
 * @throws BatchError `batch_conflict` where it is none
 */
export function ownLine(
  judged: JudgedLine | { kind: 'blank' | 'torn' },
  out: string,
): ManifestLine {
  if (judged.kind === 'line') return judged.line;
  const reason = judged.kind === 'unreadable' ? judged.reason : `it is ${judged.kind}`;
  throw new BatchError(
    'batch_conflict',
    `${manifestPath(out)} is not as rivya-batch wrote it (a line of it cannot be read: ${reason}). Put the file back as it was, or give another folder with --out; "rivya-batch verify" names each such line.`,
  );
}

/** Of an unknown outcome nobody knows what it cost: it counts as reserved, not as spent (S6). */
export function chargedFor({ status, credits }: ManifestLine): number {
  return status === 'unknown' ? 0 : (credits.final ?? credits.reserved ?? 0);
}

export function manifestPath(out: string): string {
  return join(out, fileNames.manifest);
}

export type ManifestFormat = 'jsonl' | 'csv' | 'json';

/** Of a line, in bytes. */
interface Span {
  offset: number;
  length: number;
}

interface InputSpan extends Span {
  source: string;
  row: number;
  seq: number;
}

const rowsAtOnce = 500;

/**
 * By file and row, not by the order of admission alone: a trial admits briefs from everywhere before the others.
 * Files come in the order in which they were first admitted from.
 */
function inInputOrder(spans: InputSpan[]): InputSpan[] {
  spans.sort((a, b) => a.seq - b.seq);
  const ranks = new Map<string, number>();
  for (const { source } of spans) if (!ranks.has(source)) ranks.set(source, ranks.size);
  const rank = ({ source }: InputSpan) => ranks.get(source) ?? 0;
  return spans.sort((a, b) => rank(a) - rank(b) || a.row - b.row || a.seq - b.seq);
}

/** The lines of a folder's manifest in input order; only where they stand is kept in memory. */
export class ManifestFile {
  private constructor(
    private readonly out: string,
    private readonly spans: InputSpan[],
    /** The input's columns, in the order in which they first appear. */
    readonly inputColumns: readonly string[],
  ) {}

  /**
   * An absent file is an empty manifest.
   * @throws BatchError `batch_conflict` for a line that cannot be read
   */
  static async read(out: string): Promise<ManifestFile> {
    const spans: InputSpan[] = [];
    const columns = new Set<string>();
    for await (const found of readManifest(out)) {
      if (found.kind === 'torn' || found.kind === 'blank') continue;
      const { source, row, seq, input } = ownLine(found, out);
      spans.push({ source, row, seq, offset: found.offset, length: found.length });
      for (const column of Object.keys(input)) columns.add(column);
    }
    return new ManifestFile(out, inInputOrder(spans), [...columns]);
  }

  get size(): number {
    return this.spans.length;
  }

  async *lines(): AsyncGenerator<{ text: string; line: ManifestLine }> {
    if (this.spans.length === 0) return;
    const file = await open(manifestPath(this.out), 'r');
    try {
      for (const span of this.spans) {
        const text = await textAt(file, span);
        yield { text, line: ownLine(judgeLine(text), this.out) };
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

/** The lines of a folder's manifest whose briefs succeeded, by brief; only where they stand is kept in memory. */
export class SucceededLines {
  private constructor(
    private readonly file: FileHandle,
    private readonly spans: ReadonlyMap<string, Span>,
  ) {}

  static async read(out: string): Promise<SucceededLines> {
    const spans = new Map<string, Span>();
    for await (const found of readManifest(out)) {
      if (found.kind !== 'line' || found.line.status !== 'succeeded') continue;
      spans.set(found.line.brief_id, { offset: found.offset, length: found.length });
    }
    return new SucceededLines(await open(manifestPath(out), 'r'), spans);
  }

  async lineOf(briefId: string): Promise<ManifestLine | null> {
    const span = this.spans.get(briefId);
    if (span === undefined) return null;
    const judged = judgeLine(await textAt(this.file, span));
    return judged.kind === 'line' ? judged.line : null;
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

async function textAt(file: FileHandle, { offset, length }: Span): Promise<string> {
  const { buffer } = await file.read(Buffer.alloc(length), 0, length, offset);
  return buffer.toString('utf8').trimEnd();
}
