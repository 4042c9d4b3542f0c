import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../shared/json.js';
import { appendLines, readLines } from '../shared/read-lines.js';
import { syncFolder, writeFileDurably } from '../shared/write-file-durably.js';
import { fileNames } from './file-names.js';
import { type Span, SpanIndex } from './manifest.js';
import { comparablePath } from './verify/check-manifest.js';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** A file that was handed over, as it was then: what tells it from one that somebody put there or changed. */
const deliveredFileSchema = z.object({
  /** Its name in `approved/`. */
  file: z.string().min(1),
  /** Null of the table. */
  brief_id: z.string().nullable(),
  /** sha256 of the asset that it was made of. */
  from: sha256.nullable(),
  /** `links`, `copies`, or what it was made into: see `measureText`. */
  how: z.string(),
  bytes: z.number().int().nonnegative(),
  sha256,
  /** When it was written, in milliseconds, as the file system says. */
  modified_ms: z.number(),
  /** sha256 of the file that it took the place of: it is there until this one is. */
  before: sha256.optional(),
  /** It has fewer pixels than was asked for. */
  smaller: z.literal(true).optional(),
});

export type DeliveredFile = z.infer<typeof deliveredFileSchema>;

/**
 * `delivered.jsonl`: what stands in `approved/` of ours. A file is noted before it gets its name, so that a kill in
 * between leaves none that would be taken for somebody else's; the last note of a name counts. In memory are 30 to 35
 * bytes for each.
 */
export class DeliveryRecord {
  private constructor(
    private readonly path: string,
    private readonly folder: string,
    private readonly file: FileHandle | null,
    private readonly spans: SpanIndex,
  ) {}

  static async open(out: string): Promise<DeliveryRecord> {
    const path = join(out, fileNames.delivered);
    const spans = new SpanIndex();
    for await (const { delivered, span } of readRecord(path)) {
      spans.set(comparablePath(delivered.file), span);
    }
    const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    return new DeliveryRecord(path, out, file, spans);
  }

  /** What was known of a name when the record was opened; without regard to case. */
  async find(name: string): Promise<DeliveredFile | null> {
    const span = this.spans.find(comparablePath(name));
    if (span === null || this.file === null) return null;
    const { buffer } = await this.file.read(Buffer.alloc(span.length), 0, span.length, span.offset);
    return judge(buffer.toString('utf8'));
  }

  /** Everything that was known when the record was opened. */
  async *known(): AsyncGenerator<DeliveredFile> {
    for await (const { delivered, span } of readRecord(this.path)) {
      const last = this.spans.find(comparablePath(delivered.file));
      if (last?.offset === span.offset) yield delivered;
    }
  }

  /** Notes files that are about to get their names; on disk when this returns. */
  async note(files: readonly DeliveredFile[]): Promise<void> {
    if (files.length === 0) return;
    const record = await open(this.path, 'a+');
    try {
      const { size } = await record.stat();
      const lines = files.map((file) => `${JSON.stringify(file)}\n`).join('');
      await appendLines(record, lines);
      await record.sync();
      if (size === 0) await syncFolder(this.folder);
    } finally {
      await record.close();
    }
  }

  /** Leaves the last notes of those names that count still; nothing is written where these are all. */
  async keepOnly(counts: (name: string) => boolean): Promise<void> {
    const last = new SpanIndex();
    let all = 0;
    for await (const { delivered, span } of readRecord(this.path)) {
      all += 1;
      last.set(comparablePath(delivered.file), span);
    }
    const isKept = ({ delivered, span }: Noted) =>
      counts(delivered.file) && last.find(comparablePath(delivered.file))?.offset === span.offset;
    let kept = 0;
    for await (const noted of readRecord(this.path)) if (isKept(noted)) kept += 1;
    if (kept === all) return;
    const { path } = this;
    const lines = async function* () {
      for await (const noted of readRecord(path)) {
        if (isKept(noted)) yield `${JSON.stringify(noted.delivered)}\n`;
      }
    };
    await writeFileDurably(this.path, lines());
  }

  async close(): Promise<void> {
    await this.file?.close();
  }
}

interface Noted {
  delivered: DeliveredFile;
  span: Span;
}

/** In the order in which they were noted; what was cut off, or cannot be read, was never acted upon. */
async function* readRecord(path: string): AsyncGenerator<Noted> {
  for await (const { text, offset, length, end } of readLines(path)) {
    const delivered = end === 'torn' ? null : judge(text);
    if (delivered !== null) yield { delivered, span: { offset, length } };
  }
}

function judge(text: string): DeliveredFile | null {
  const parsed = deliveredFileSchema.safeParse(parseJson(text.trim()));
  return parsed.success ? parsed.data : null;
}
