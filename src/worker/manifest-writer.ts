import { constants } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { BatchError } from '../shared/errors.js';
import type { BatchLedger, OutboxPage } from '../shared/ledger/batch-ledger.js';

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
    private readonly ledger: BatchLedger,
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
    await mkdir(this.out, { recursive: true });
    const generation = await this.ledger.generation();
    const file = await open(this.path, constants.O_RDWR | constants.O_CREAT, 0o644);
    try {
      const page = await this.ledger.readOutbox(linesAtOnce);
      // A retry replaced the file while it was opened here: which of the two this is, is not known.
      if (page.generation !== generation) return 'more';
      if (page.lines.length === 0) return 'empty';
      await checkPlace(file, page, this.path);
      const bytes = Buffer.from(page.lines.map((line) => `${line}\n`).join(''));
      await writeAt(file, bytes, page.offset);
      await file.sync();
      await this.ledger.markWritten(page, page.offset + bytes.length);
      return 'more';
    } finally {
      await file.close();
    }
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

async function checkPlace(file: FileHandle, page: OutboxPage, path: string): Promise<void> {
  const { size } = await file.stat();
  if (size >= page.offset) return;
  throw new BatchError(
    'output_unusable',
    `${path} has ${size} bytes, but ${page.offset} were written to it: put the file back as it was, then run the same command again.`,
  );
}
