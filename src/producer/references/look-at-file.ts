import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileTypeFromBuffer } from 'file-type';
import type { ReferenceFile } from '../../shared/reference-items.js';

/** A reference as it was found; `reason` stands behind its name. */
export type FoundReference =
  | { kind: 'file'; file: ReferenceFile }
  | { kind: 'unusable'; reason: string };

/** More than any documented model takes: what is larger is not even read. */
const mostBytes = 500_000_000;
const sniffBytes = 4_100;

/** Reads a file once, in constant memory: its hash, and its type by content. */
export async function lookAtFile(path: string, name = basename(path)): Promise<FoundReference> {
  // A named pipe would else hold up whoever opens it.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK;
  const handle = await open(path, flags).catch((error: NodeJS.ErrnoException) => error);
  if (handle instanceof Error) return unusable(openFault(handle));
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) return unusable('is not a file');
    if (stats.size === 0) return unusable('is empty');
    if (stats.size > mostBytes) return unusable(`is larger than ${mostBytes / 1e6} MB`);
    const mediaType = await typeByContent(handle);
    if (mediaType === null) {
      return unusable('is no image, video or audio by its content, whatever its name says');
    }
    const { sha256, bytes } = await hashOf(handle);
    return { kind: 'file', file: { sha256, path, bytes, mediaType, name } };
  } catch (error) {
    return unusable(`cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
  } finally {
    await handle.close();
  }
}

async function typeByContent(handle: FileHandle): Promise<string | null> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(sniffBytes), 0, sniffBytes, 0);
  return (await fileTypeFromBuffer(buffer.subarray(0, bytesRead)))?.mime ?? null;
}

async function hashOf(handle: FileHandle): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of handle.createReadStream({ start: 0, autoClose: false })) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  return { sha256: hash.digest('hex'), bytes };
}

function openFault({ code }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'is not there';
  if (code === 'EACCES' || code === 'EPERM') return 'may not be read by this user';
  return `cannot be read (${code ?? 'unknown'})`;
}

function unusable(reason: string): FoundReference {
  return { kind: 'unusable', reason };
}
