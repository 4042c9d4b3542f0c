import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { ReferenceFile } from '../../shared/reference-items.js';

export type OpenedReference =
  | { kind: 'opened'; content: AsyncIterable<Uint8Array> }
  | { kind: 'missing'; reason: string }
  /** It has other content than the brief was checked with. */
  | { kind: 'changed' };

/** Other bytes than those that were checked: the request that sends them must not come to its end. */
class FileChanged extends Error {
  override readonly name = 'FileChanged';
}

/**
 * Makes sure that a file is what was checked. What comes back reads it once more, piece by piece as it is sent, and
 * fails before the end where it has changed since.
 */
export async function openReference(file: ReferenceFile): Promise<OpenedReference> {
  try {
    for await (const _chunk of checkedContent(file));
    return { kind: 'opened', content: checkedContent(file) };
  } catch (error) {
    if (error instanceof FileChanged) return { kind: 'changed' };
    return { kind: 'missing', reason: (error as NodeJS.ErrnoException).code ?? 'unreadable' };
  }
}

async function* checkedContent({ path, sha256, bytes }: ReferenceFile): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let read = 0;
  let last: Buffer | null = null;
  for await (const chunk of createReadStream(path)) {
    if (last !== null) yield last;
    last = chunk as Buffer;
    read += last.length;
    if (read > bytes) throw new FileChanged(`${path} is longer than it was`);
    hash.update(last);
  }
  // The last piece goes only when all of it is known to be right.
  if (read !== bytes || hash.digest('hex') !== sha256) throw new FileChanged(`${path} has changed`);
  if (last !== null) yield last;
}
