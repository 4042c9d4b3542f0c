import { type FileHandle, open } from 'node:fs/promises';
import { BatchError } from '../shared/errors.js';

/** Characters gathered before a write: more would outlive the young generation and cost twice. */
const CHARACTERS_PER_WRITE = 1 << 18;
const BYTES_PER_READ = 1 << 20;
const LINE_FEED = 10;

/** A file of lines, written once from start to end and then read any number of times. */
export class Spool {
  #pending = '';
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
    this.#pending += lines;
  }

  get isFull(): boolean {
    return this.#pending.length >= CHARACTERS_PER_WRITE;
  }

  async flush(): Promise<void> {
    const text = this.#pending;
    if (text === '') return;
    this.#pending = '';
    try {
      // `writeFile` on a handle goes on from the current position until all of it is written.
      await this.#handle?.writeFile(text);
    } catch (error) {
      throw new BatchError(
        'output_unusable',
        `The temporary file ${this.path} cannot be written; TMPDIR names another place.`,
        { cause: error },
      );
    }
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
}
