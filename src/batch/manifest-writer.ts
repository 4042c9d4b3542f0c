import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import type { OutboxPage } from '../ledger/batch-ledger.js';
import { manifestPath, readManifest } from '../results/manifest.js';
import { publish } from '../results/mirror.js';
import { BatchError } from '../shared/errors.js';
import { together } from '../shared/together.js';
import { adoptFolder, type LocalBatch, refuseOutdated } from './adopt-folder.js';
import { holdManifest, settleReopened } from './rewrite-manifest.js';

const linesAtOnce = 500;

/**
 * Writes finished lines from the ledger's outbox to `manifest.jsonl`.
 *
 * The ledger fixes each line's bytes and its place in the file, so writing is repeatable: after a crash, or
 * from two processes at once, the same bytes go to the same place, and no line can be there twice (S4, S5). The earlier line
 * of a brief that is open again leaves the file before anything else is written to it.
 */
export class ManifestWriter {
  constructor(private readonly batch: LocalBatch) {}

  get path(): string {
    return manifestPath(this.batch.out);
  }

  /** Writes all that is in the outbox; calls while one is under way share the next. */
  readonly flush = together(async () => {
    while ((await this.writePage()) === 'more');
  });

  private async writePage(): Promise<'more' | 'empty'> {
    const { outbox } = this.batch.ledger;
    const generation = await outbox.generation();
    const file = await open(this.path, constants.O_RDWR | constants.O_CREAT, 0o644);
    try {
      const page = await outbox.read(linesAtOnce);
      if (page.kind === 'reopened') {
        await holdManifest(this.batch, 'settle', (hold) => settleReopened(this.batch, hold));
        return 'more';
      }
      // A retry replaced the file while it was opened here: which of the two this is, is not known.
      if (page.generation !== generation) return 'more';
      if (page.lines.length === 0) return 'empty';
      const bytes = Buffer.from(page.lines.map((line) => `${line}\n`).join(''));
      if ((await this.checkPlace(file, page, bytes)) === 'ahead') {
        // Redis went back in time: the manifest knows more than it.
        refuseOutdated(await adoptFolder(this.batch), this.batch);
        return 'more';
      }
      await writeAt(file, bytes, page.offset);
      await file.sync();
      // Another process here may have fetched, from a bucket, what another machine has put meanwhile.
      if (!(await isStill(this.path, file))) return 'more';
      // The ledger forgets these lines only where they survive this machine as well.
      await publish(this.batch.out);
      await outbox.markWritten(page, page.offset + bytes.length);
      return 'more';
    } finally {
      await file.close();
    }
  }

  /** `ahead`: lines of this batch stand there that the ledger does not know of. */
  private async checkPlace(
    file: FileHandle,
    page: OutboxPage,
    bytes: Buffer,
  ): Promise<'free' | 'ahead'> {
    const { size } = await file.stat();
    if (size < page.offset) {
      throw new BatchError(
        'output_unusable',
        `${this.path} has ${size} bytes, but ${page.offset} were written to it: put the file back as it was, then run the same command again.`,
      );
    }
    // The very lines, of a writer that was ahead or killed.
    if (await beginsAlike(file, page.offset, bytes)) return 'free';
    const owner = await batchAt(this.batch.out, page.offset);
    if (owner === this.batch.ledger.batch) return 'ahead';
    if (owner !== null) {
      throw new BatchError(
        'batch_conflict',
        `${this.path} holds lines of batch ${owner}: give one of the two batches another folder.`,
      );
    }
    // The end of a line, of a writer whose Redis is lost: what is written over it may be shorter.
    await file.truncate(page.offset);
    return 'free';
  }
}

/** Whether a file that is held open is the one of that name. */
async function isStill(path: string, file: FileHandle): Promise<boolean> {
  const [named, held] = await Promise.all([stat(path), file.stat()]);
  return named.ino === held.ino;
}

/** Whether what stands at a place, if anything, is what would be written there. */
async function beginsAlike(file: FileHandle, offset: number, bytes: Buffer): Promise<boolean> {
  const there = Buffer.alloc(bytes.length);
  const { bytesRead } = await file.read(there, 0, bytes.length, offset);
  return there.subarray(0, bytesRead).equals(bytes.subarray(0, bytesRead));
}

/** The batch of the line at a place; null where no whole line of a manifest begins there. */
async function batchAt(out: string, offset: number): Promise<string | null> {
  for await (const found of readManifest(out, offset)) {
    return found.kind === 'line' ? found.line.batch : null;
  }
  return null;
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
