import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { BatchError } from '../shared/errors.js';
import type { OutboxLedger, OutboxPage } from '../shared/ledger/outbox-ledger.js';
import { readLines } from '../shared/read-lines.js';

const linesAtOnce = 500;

/**
 * Writes finished lines from the ledger's outbox to `manifest.jsonl`.
 *
 * The ledger fixes each line's bytes and its place in the file, so writing is repeatable: after a crash, or
 * from two processes at once, the same bytes go to the same place, and no line can be there twice (S4, S5).
 */
export class ManifestWriter {
  private running: Promise<void> | null = null;
  private again = false;

  constructor(
    private readonly outbox: OutboxLedger,
    readonly out: string,
  ) {}

  get path(): string {
    return join(this.out, 'manifest.jsonl');
  }

  /** Writes all that is in the outbox; calls while one is under way share the next. */
  async flush(): Promise<void> {
    if (this.running) {
      this.again = true;
      return this.running;
    }
    this.running = this.writeAll().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  private async writeAll(): Promise<void> {
    do {
      this.again = false;
      while ((await this.writePage()) === 'more');
    } while (this.again);
  }

  private async writePage(): Promise<'more' | 'empty'> {
    const generation = await this.outbox.generation();
    const file = await open(this.path, constants.O_RDWR | constants.O_CREAT, 0o644);
    try {
      const page = await this.outbox.read(linesAtOnce);
      // A retry replaced the file while it was opened here: which of the two this is, is not known.
      if (page.generation !== generation) return 'more';
      if (page.lines.length === 0) return 'empty';
      await this.checkPlace(file, page);
      const bytes = Buffer.from(page.lines.map((line) => `${line}\n`).join(''));
      await writeAt(file, bytes, page.offset);
      await file.sync();
      await this.outbox.markWritten(page, page.offset + bytes.length);
      return 'more';
    } finally {
      await file.close();
    }
  }

  private async checkPlace(file: FileHandle, page: OutboxPage): Promise<void> {
    const { size } = await file.stat();
    if (size < page.offset) {
      throw new BatchError(
        'output_unusable',
        `${this.path} has ${size} bytes, but ${page.offset} were written to it: put the file back as it was, then run the same command again.`,
      );
    }
    // What stands there is of a writer that was ahead or killed, or of a batch that began in the same moment.
    const owner = size > page.offset ? await batchAt(this.path, page.offset) : null;
    if (owner === null || owner === this.outbox.batch) return;
    throw new BatchError(
      'batch_conflict',
      `${this.path} holds lines of batch ${owner}: give one of the two batches another folder.`,
    );
  }
}

/** The batch of the line at a place; null where no whole line of a manifest begins there. */
async function batchAt(path: string, offset: number): Promise<string | null> {
  for await (const { text, end } of readLines(path, offset)) {
    return end === 'newline' ? batchOf(text) : null;
  }
  return null;
}

function batchOf(text: string): string | null {
  try {
    const line: unknown = JSON.parse(text);
    const batch = line && typeof line === 'object' && 'batch' in line ? line.batch : null;
    return typeof batch === 'string' ? batch : null;
  } catch {
    return null;
  }
}

async function writeAt(file: FileHandle, bytes: Buffer, offset: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await file.write(
      bytes,
      written,
      bytes.length - written,
      offset + written,
    );
    written += bytesWritten;
  }
}
