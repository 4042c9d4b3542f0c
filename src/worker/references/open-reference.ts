import { createHash } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import type { ReferenceFile } from '../../shared/reference-items.js';

export type OpenedReference =
  | { kind: 'opened'; content: Blob }
  | { kind: 'missing'; reason: string }
  /** It has other content than the brief was checked with. */
  | { kind: 'changed' };

/**
 * Opens a file and makes sure that it is what was checked. What comes back is read as it is sent, and its reading
 * fails where the file has changed since: what is uploaded is what was hashed.
 */
export async function openReference({
  path,
  sha256,
  bytes,
  mediaType,
}: ReferenceFile): Promise<OpenedReference> {
  try {
    const content = await openAsBlob(path, { type: mediaType });
    if (content.size !== bytes) return { kind: 'changed' };
    const hash = createHash('sha256');
    for await (const chunk of content.stream()) hash.update(chunk as Uint8Array);
    return hash.digest('hex') === sha256 ? { kind: 'opened', content } : { kind: 'changed' };
  } catch (error) {
    // Node says so where a file changes while it is read.
    if ((error as Error).name === 'NotReadableError') return { kind: 'changed' };
    return { kind: 'missing', reason: (error as NodeJS.ErrnoException).code ?? 'unreadable' };
  }
}
