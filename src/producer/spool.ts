import { type FileHandle, open } from 'node:fs/promises';
import type { PreparedBrief } from '../shared/brief.js';
import { isDraft } from '../shared/draft.js';
import { BatchError } from '../shared/errors.js';
import { numberName } from './outputs/file-name.js';
import type { PreparedOutput } from './outputs/prepare-output.js';
import type { Rejection } from './rejection.js';
import { countVariants, variantsAfter } from './steps/variants.js';

const BYTES_PER_WRITE = 1 << 18;
/** UTF-8 takes at most so many bytes for one unit of a string. */
const MOST_BYTES_PER_UNIT = 3;
const BYTES_PER_READ = 1 << 20;
const LINE_FEED = 10;

/** A file of lines, written once from start to end and then read any number of times. */
export class Spool {
  /** Bytes at once, because text that waits here would outlive the young generation and cost twice. */
  #buffer = Buffer.allocUnsafe(2 * BYTES_PER_WRITE);
  #used = 0;
  #handle: FileHandle | null;

  private constructor(
    readonly path: string,
    handle: FileHandle,
  ) {
    this.#handle = handle;
  }

  static async create(path: string): Promise<Spool> {
    return new Spool(path, await open(path, 'wx', 0o600));
  }

  /** `lines` ends with a line feed. When `isFull`, `flush` must be awaited before more is added. */
  add(lines: string): void {
    const mostBytes = this.#used + lines.length * MOST_BYTES_PER_UNIT;
    if (mostBytes > this.#buffer.length) this.#grow(mostBytes);
    this.#used += this.#buffer.write(lines, this.#used);
  }

  get isFull(): boolean {
    return this.#used >= BYTES_PER_WRITE;
  }

  async flush(): Promise<void> {
    const bytes = this.#buffer.subarray(0, this.#used);
    if (bytes.length === 0) return;
    try {
      // `writeFile` on a handle goes on from the current position until all of it is written.
      await this.#handle?.writeFile(bytes);
    } catch (error) {
      throw new BatchError(
        'output_unusable',
        `The temporary file ${this.path} cannot be written: make room, or set TMPDIR to another folder.`,
        { cause: error },
      );
    }
    this.#used = 0;
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    await handle?.close();
  }

  /** The lines in groups as large as one read; a line is never cut. */
  async *lines(): AsyncGenerator<string[]> {
    const handle = await open(this.path, 'r');
    try {
      const buffer = Buffer.allocUnsafe(BYTES_PER_READ);
      let unfinished: Buffer[] = [];
      for (;;) {
        const { bytesRead } = await handle.read(buffer, 0, BYTES_PER_READ);
        if (bytesRead === 0) return;
        const chunk = buffer.subarray(0, bytesRead);
        const end = chunk.lastIndexOf(LINE_FEED) + 1;
        if (end > 0) {
          const text = Buffer.concat([...unfinished, chunk.subarray(0, end - 1)]).toString();
          unfinished = [];
          yield text.split('\n');
        }
        // Copied, because the next read overwrites the buffer.
        if (end < bytesRead) unfinished.push(Buffer.from(chunk.subarray(end)));
      }
    } finally {
      await handle.close();
    }
  }

  #grow(bytes: number): void {
    // Doubled, because one row may have very many variants, each of which adds a little.
    const larger = Buffer.allocUnsafe(Math.max(bytes, 2 * this.#buffer.length));
    this.#buffer.copy(larger, 0, 0, this.#used);
    this.#buffer = larger;
  }
}

/** id, variants with the number of the first, fingerprint, origin, body: none holds a line feed, because ids and JSON text have none. */
const LINES_PER_ROW = 5;

/** `firstNumber`: of its pictures among those of the same name. */
export function spoolBrief(spool: Spool, prepared: PreparedOutput, firstNumber: number): void {
  const { id, axes, before, fingerprint, origin, body } = prepared;
  const add = (one: { id: string; origin: string }, variants: number, number: number) =>
    spool.add(`${one.id}\n${variants} ${number}\n${fingerprint}\n${one.origin}\n${body}\n`);
  // Variants that come after others differ in more than their number.
  if (before.length === 0) add({ id, origin }, countVariants(axes), firstNumber);
  else for (const [at, one] of variantsAfter(prepared).entries()) add(one, 1, firstNumber + at);
}

/** Variants are made here, when rows are read back, so that N of them take no more disk than one. */
export async function* readBriefs(spool: Spool): AsyncGenerator<PreparedBrief> {
  let kept: string[] = [];
  for await (const read of spool.lines()) {
    const lines = kept.length === 0 ? read : kept.concat(read);
    const end = lines.length - (lines.length % LINES_PER_ROW);
    for (let at = 0; at < end; at += LINES_PER_ROW) {
      const brief = briefAt(lines, at);
      const [variants = 1, firstNumber = 1] = (lines[at + 1] ?? '').split(' ').map(Number);
      if (variants === 1) yield { ...brief, origin: numberName(brief.origin, firstNumber) };
      else yield* variantsOf(brief, { variants, firstNumber });
    }
    kept = lines.slice(end);
  }
}

function briefAt(lines: readonly string[], at: number): PreparedBrief {
  const body = lines[at + 4] ?? '';
  return {
    id: lines[at] ?? '',
    fingerprint: lines[at + 2] ?? '',
    origin: lines[at + 3] ?? '',
    body,
    waits: isDraft(body),
  };
}

function* variantsOf(
  brief: PreparedBrief,
  { variants, firstNumber }: { variants: number; firstNumber: number },
): Generator<PreparedBrief> {
  for (let variant = 1; variant <= variants; variant++) {
    const origin = numberName(brief.origin, firstNumber + variant - 1);
    yield { ...brief, id: `${brief.id}/${variant}`, origin };
  }
}

/** Faults go to disk as well: a million bad rows must not live in memory. */
export function spoolRejection(spool: Spool, rejection: Rejection): void {
  spool.add(`${JSON.stringify(rejection)}\n`);
}

export async function* readRejections(spool: Spool): AsyncGenerator<Rejection> {
  for await (const lines of spool.lines()) {
    for (const line of lines) yield JSON.parse(line) as Rejection;
  }
}
