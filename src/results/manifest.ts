import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BatchError } from '../shared/errors.js';
import { firstFault, type JsonValue, parseJson } from '../shared/json.js';
import { type ManifestLine, manifestLineSchema } from '../shared/manifest-line.js';
import { bytesOf, newline, readLines } from '../shared/read-lines.js';
import { checkFolderFormat } from '../shared/state-format.js';
import { TextIndex } from '../shared/text-index.js';
import { writeFileDurably } from '../shared/write-file-durably.js';
import { readDecisions } from './decisions.js';
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
export function readManifest(
  out: string,
  fromOffset = 0,
  isWanted: (text: string) => boolean = () => true,
): AsyncGenerator<FoundLine> {
  return findLines(manifestPath(out), fromOffset, isWanted);
}

async function* findLines(
  path: string,
  fromOffset: number,
  isWanted: (text: string) => boolean,
): AsyncGenerator<FoundLine> {
  await checkFolderFormat(dirname(path));
  let row = 0;
  for await (const { text, offset, length, end } of readLines(path, fromOffset)) {
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

const firstTailBytes = 128 * 1024;
const longestTailBytes = 8 * 1024 * 1024;

/**
 * The lines that were written last, the newest first: at most so many, and fewer where they are very long. However large
 * the manifest is, only its end is read; what cannot be read is passed over.
 */
export async function latestLines(out: string, count: number): Promise<ManifestLine[]> {
  await checkFolderFormat(out);
  const path = manifestPath(out);
  const size = await bytesOf(path);
  for (let tailBytes = firstTailBytes; ; tailBytes *= 4) {
    const from = Math.max(0, size - tailBytes);
    const texts: string[] = [];
    for await (const { text, end } of readLines(path, from)) {
      if (end === 'newline' && text !== '') texts.push(text);
    }
    // It begins somewhere within it.
    if (from > 0) texts.shift();
    if (texts.length < count && from > 0 && tailBytes < longestTailBytes) continue;
    return texts
      .slice(-count)
      .reverse()
      .flatMap((text) => {
        const judged = judgeLine(text);
        return judged.kind === 'line' ? judged.line : [];
      });
  }
}

/** Every row of the lines that a retry or a fresh start replaced. */
export function walkHistory(
  out: string,
  isWanted: (text: string) => boolean = () => true,
  fromOffset = 0,
): AsyncGenerator<FoundLine> {
  return findLines(historyPath(out), fromOffset, isWanted);
}

/** Its lines. The history promises nothing, so what cannot be read is passed over. */
export async function* readHistory(
  out: string,
  isWanted: (text: string) => boolean = () => true,
): AsyncGenerator<ManifestLine> {
  for await (const found of walkHistory(out, isWanted)) {
    if (found.kind === 'line') yield found.line;
  }
}

/** Reads one line, wherever it was kept. */
export function judgeLine(text: string): JudgedLine {
  const json = parseJson(text);
  if (json === undefined) return { kind: 'unreadable', reason: 'it is not JSON' };
  const parsed = manifestLineSchema.safeParse(json);
  if (parsed.success) return { kind: 'line', line: parsed.data };
  return { kind: 'unreadable', reason: firstFault(parsed.error) };
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

export function historyPath(out: string): string {
  return join(out, fileNames.history);
}

export function manifestPath(out: string): string {
  return join(out, fileNames.manifest);
}

export type ManifestFormat = 'jsonl' | 'csv' | 'json';

const rowsAtOnce = 500;
/** Lines that are read together are held together: so many bytes of them, or one. */
const bytesAtOnce = 1 << 20;
/** A gap that is shorter is read as well: it costs less than another read. */
const shortGapBytes = 1 << 16;
/** Of a line's keys: its file, by the order in which files are first met, its row there, its number in the batch. */
const keysPerLine = 3;

/**
 * Where the lines of a manifest stand: 20 bytes for each of them, in typed arrays, because objects would take ten times as
 * much. Once they are in order, 12 bytes are left.
 */
class LinePlaces {
  private size = 0;
  /** Where the last line ends. */
  private end = 0;
  /** In the order of the file. */
  private offsets = new Float64Array(1);
  private keys = new Uint32Array(keysPerLine);
  /** File -> its position among them, and the first number that a line of it has. */
  private readonly files = new Map<string, { position: number; firstSeq: number }>();

  add({ offset, length }: Pick<FoundLine, 'offset' | 'length'>, line: ManifestLine): void {
    const { source, row, seq } = line;
    if (this.size === this.offsets.length) this.grow();
    const file = this.files.get(source) ?? { position: this.files.size, firstSeq: seq };
    this.files.set(source, file);
    file.firstSeq = Math.min(file.firstSeq, seq);
    this.offsets[this.size] = offset;
    this.keys.set([file.position, row, seq], this.size * keysPerLine);
    this.size += 1;
    this.end = offset + length;
  }

  private grow(): void {
    const offsets = new Float64Array(this.offsets.length * 2);
    offsets.set(this.offsets);
    this.offsets = offsets;
    const keys = new Uint32Array(this.keys.length * 2);
    keys.set(this.keys);
    this.keys = keys;
  }

  /**
   * By file and row, not by the order of admission alone: a trial admits briefs from everywhere before the others.
   * Files come in the order in which they were first admitted from.
   */
  inInputOrder(): OrderedPlaces {
    const { keys, size } = this;
    const files = [...this.files.values()].sort((a, b) => a.firstSeq - b.firstSeq);
    const ranks = new Uint32Array(files.length);
    for (const [rank, { position }] of files.entries()) ranks[position] = rank;
    const key = (line: number, which: number) => keys[line * keysPerLine + which] ?? 0;
    const rank = (line: number) => ranks[key(line, 0)] ?? 0;
    const order = Uint32Array.from({ length: size }, (_, line) => line).sort(
      (a, b) => rank(a) - rank(b) || key(a, 1) - key(b, 1) || key(a, 2) - key(b, 2),
    );
    return new OrderedPlaces(order, this.offsets, this.end);
  }
}

/** Bytes of a file, and which of its lines begin there. */
interface Stretch {
  begin: number;
  end: number;
  lines: number[];
}

/** Where lines stand, in an order of theirs that is not the file's. */
class OrderedPlaces {
  constructor(
    /** Positions in the file, from 0. */
    private readonly order: Uint32Array,
    private readonly offsets: Float64Array,
    private readonly end: number,
  ) {}

  get size(): number {
    return this.order.length;
  }

  /**
   * The texts of lines in this order, as they are in the file. Briefs end nearly in the order in which they were
   * admitted: lines that follow each other are mostly close together in the file, and one read gets many of them.
   */
  async *texts(file: FileHandle, isWanted: (position: number) => boolean): AsyncGenerator<string> {
    let group: number[] = [];
    let bytes = 0;
    for (const [position, line] of this.order.entries()) {
      if (!isWanted(position)) continue;
      group.push(line);
      bytes += this.endOf(line) - this.beginOf(line);
      if (group.length < rowsAtOnce && bytes < bytesAtOnce) continue;
      yield* await this.readGroup(file, group);
      group = [];
      bytes = 0;
    }
    yield* await this.readGroup(file, group);
  }

  private async readGroup(file: FileHandle, group: readonly number[]): Promise<string[]> {
    const texts = new Map<number, string>();
    for (const { begin, end, lines } of this.stretchesOf(group)) {
      const { buffer } = await file.read(Buffer.alloc(end - begin), 0, end - begin, begin);
      for (const line of lines) {
        const from = this.beginOf(line) - begin;
        const to = buffer.indexOf(newline, from);
        texts.set(line, buffer.toString('utf8', from, to < 0 ? end - begin : to).trimEnd());
      }
    }
    return group.map((line) => texts.get(line) ?? '');
  }

  private stretchesOf(group: readonly number[]): Stretch[] {
    const stretches: Stretch[] = [];
    for (const line of group.toSorted((a, b) => a - b)) {
      const begin = this.beginOf(line);
      const end = this.endOf(line);
      const last = stretches.at(-1);
      if (
        last !== undefined &&
        begin - last.end < shortGapBytes &&
        end - last.begin < 2 * bytesAtOnce
      ) {
        last.end = end;
        last.lines.push(line);
      } else stretches.push({ begin, end, lines: [line] });
    }
    return stretches;
  }

  private beginOf(line: number): number {
    return this.offsets[line] ?? this.end;
  }

  /** With what stands behind it before the next one: a newline, or several. */
  private endOf(line: number): number {
    return line + 1 < this.size ? this.beginOf(line + 1) : this.end;
  }
}

/** The lines of a folder's manifest in input order; only where they stand is kept in memory. */
export class ManifestFile {
  private constructor(
    private readonly out: string,
    private readonly places: OrderedPlaces,
    /** The input's columns, in the order in which they first appear. */
    readonly inputColumns: readonly string[],
  ) {}

  /**
   * An absent file is an empty manifest.
   * @param unreadable is told the row of each line that cannot be read, which is left out then
   * @throws BatchError `batch_conflict` for a line that cannot be read, where nobody is to be told
   */
  static async read(out: string, unreadable?: (row: number) => void): Promise<ManifestFile> {
    const places = new LinePlaces();
    const columns = new Set<string>();
    for await (const found of readManifest(out)) {
      if (found.kind === 'torn' || found.kind === 'blank') continue;
      if (found.kind === 'unreadable' && unreadable !== undefined) {
        unreadable(found.row);
        continue;
      }
      const line = ownLine(found, out);
      places.add(found, line);
      for (const column of Object.keys(line.input)) columns.add(column);
    }
    return new ManifestFile(out, places.inInputOrder(), [...columns]);
  }

  get size(): number {
    return this.places.size;
  }

  /** @param isWanted says of which positions lines are wanted, from 0 */
  async *lines(isWanted: (position: number) => boolean = () => true): AsyncGenerator<ManifestLine> {
    for await (const text of this.texts(isWanted)) yield ownLine(judgeLine(text), this.out);
  }

  private async *texts(
    isWanted: (position: number) => boolean = () => true,
  ): AsyncGenerator<string> {
    if (this.size === 0) return;
    const file = await open(manifestPath(this.out), 'r');
    try {
      for await (const text of this.places.texts(file, isWanted)) {
        // Every line was judged when it was found; that the file is another one by now is seen from its first line on.
        if (parseJson(text) === undefined) ownLine(judgeLine(text), this.out);
        yield text;
      }
    } finally {
      await file.close();
    }
  }

  /** The manifest as text in one of the formats, in pieces. */
  async *export(format: ManifestFormat): AsyncGenerator<string> {
    switch (format) {
      case 'jsonl':
        for await (const text of this.texts()) yield `${text}\n`;
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
    for await (const text of this.texts()) {
      yield before + text;
      before = ',\n';
    }
    yield this.size === 0 ? '[]\n' : '\n]\n';
  }

  private async *csv(): AsyncGenerator<string> {
    const decisions = await readDecisions(this.out);
    const columns = csvColumns(this.inputColumns, decisions);
    let rows: JsonValue[][] = [columns.map((column) => column.name)];
    for await (const line of this.lines()) {
      rows.push(csvRow(columns, line));
      if (rows.length < rowsAtOnce) continue;
      yield csvRows(rows);
      rows = [];
    }
    if (rows.length > 0) yield csvRows(rows);
  }
}

/** Writes `manifest.csv` of what the folder holds now. */
export async function writeTable(out: string): Promise<void> {
  const manifest = await ManifestFile.read(out);
  await writeFileDurably(join(out, fileNames.table), manifest.export('csv'));
}

/**
 * Writes the table once more where there is one: what has been decided stands in it. Whoever ends a batch writes it, too,
 * after the last line: where the manifest has grown meanwhile, this one is written again.
 */
export async function refreshTable(out: string): Promise<void> {
  if (!(await isThere(join(out, fileNames.table)))) return;
  for (let before = -1, now = await bytesOf(manifestPath(out)); before !== now; ) {
    before = now;
    await writeTable(out);
    now = await bytesOf(manifestPath(out));
  }
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Of a line, in bytes. */
export interface Span {
  offset: number;
  length: number;
}

const beyondWord = 2 ** 32;

/** Where the line stands that is known by a text, such as its brief's id: 30 to 35 bytes each (`TextIndex`). */
export class SpanIndex {
  private readonly index = new TextIndex(3);

  has(text: string): boolean {
    return this.index.has(text);
  }

  find(text: string): Span | null {
    const words = this.index.find(text);
    if (words === null) return null;
    const [high = 0, low = 0, length = 0] = words;
    return { offset: high * beyondWord + low, length };
  }

  set(text: string, { offset, length }: Span): void {
    const { words } = this.index.claim(text);
    words.set([Math.floor(offset / beyondWord), offset % beyondWord, length]);
  }
}

/** The lines of a folder's manifest whose briefs succeeded, by brief; only where they stand is kept in memory. */
export class SucceededLines {
  private constructor(
    private readonly file: FileHandle,
    private readonly spans: SpanIndex,
  ) {}

  static async read(out: string): Promise<SucceededLines> {
    const spans = new SpanIndex();
    for await (const found of readManifest(out)) {
      if (found.kind !== 'line' || found.line.status !== 'succeeded') continue;
      spans.set(found.line.brief_id, found);
    }
    return new SucceededLines(await open(manifestPath(out), 'r'), spans);
  }

  async lineOf(briefId: string): Promise<ManifestLine | null> {
    const span = this.spans.find(briefId);
    return span === null ? null : lineAt(this.file, span);
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

/** The lines that others have replaced, by brief; only where they stand is kept in memory. */
export class HistoryLines {
  private constructor(
    private readonly out: string,
    private readonly spans: SpanIndex,
    private readonly isEmpty: boolean,
  ) {}

  static async read(out: string): Promise<HistoryLines> {
    const spans = new SpanIndex();
    const counts = new TextIndex(1);
    for await (const found of walkHistory(out)) {
      if (found.kind !== 'line') continue;
      const { words } = counts.claim(found.line.brief_id);
      spans.set(`${words[0]} ${found.line.brief_id}`, found);
      words[0] = (words[0] ?? 0) + 1;
    }
    return new HistoryLines(out, spans, counts.size === 0);
  }

  async open(): Promise<OpenHistory> {
    return new OpenHistory(
      this.spans,
      this.isEmpty ? null : await open(historyPath(this.out), 'r'),
    );
  }
}

class OpenHistory {
  constructor(
    private readonly spans: SpanIndex,
    private readonly file: FileHandle | null,
  ) {}

  /** In the order in which they were replaced. */
  async *linesOf(briefId: string): AsyncGenerator<ManifestLine> {
    if (this.file === null) return;
    for (let position = 0; ; position += 1) {
      const span = this.spans.find(`${position} ${briefId}`);
      if (span === null) return;
      const line = await lineAt(this.file, span);
      if (line !== null) yield line;
    }
  }

  async close(): Promise<void> {
    await this.file?.close();
  }
}

/** Null for what cannot be read. */
export async function lineAt(
  file: FileHandle,
  { offset, length }: Span,
): Promise<ManifestLine | null> {
  const { buffer } = await file.read(Buffer.alloc(length), 0, length, offset);
  const judged = judgeLine(buffer.toString('utf8').trimEnd());
  return judged.kind === 'line' ? judged.line : null;
}
