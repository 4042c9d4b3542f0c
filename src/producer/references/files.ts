import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileTypeFromBuffer } from 'file-type';
import pLimit from 'p-limit';
import type { ReferenceFile } from '../../shared/reference-items.js';

/** Gets the content of a URL, or of an `s3://` address, into a file. */
export type FetchReference = (url: string) => Promise<FoundReference>;

/** What has to be looked at before a row can be checked. */
export type WantedReference = { kind: 'path'; path: string } | { kind: 'url'; url: string };

const readAtOnce = 8;

/**
 * The references of one input, each read once however many rows share it. Checking a row is synchronous, so what
 * it wants is looked at first, and the row then checked again.
 */
export class ReferenceFiles {
  private readonly found = new Map<string, FoundReference>();

  /** @param fetch absent where URLs cannot be fetched */
  constructor(private readonly fetch: FetchReference | undefined) {}

  /** Undefined for what nobody has looked at yet. */
  look(wanted: WantedReference): FoundReference | undefined {
    return this.found.get(keyOf(wanted));
  }

  async learn(wanted: readonly WantedReference[]): Promise<void> {
    const limit = pLimit(readAtOnce);
    const fresh = new Map(wanted.map((one) => [keyOf(one), one]));
    for (const key of this.found.keys()) fresh.delete(key);
    await Promise.all(
      [...fresh].map(([key, one]) =>
        limit(async () => {
          this.found.set(key, await this.read(one));
        }),
      ),
    );
  }

  private async read(wanted: WantedReference): Promise<FoundReference> {
    if (wanted.kind === 'path') return lookAtFile(wanted.path);
    if (this.fetch) return this.fetch(wanted.url);
    return { kind: 'unusable', reason: 'has to be uploaded, and URLs are not fetched here' };
  }
}

function keyOf(wanted: WantedReference): string {
  return wanted.kind === 'path' ? `path ${wanted.path}` : `url ${wanted.url}`;
}

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

/** What the Files API takes. */
export type MediaKind = 'image' | 'video' | 'audio';

/** One type under several names: as `file-type` calls it -> as the API's documentation does. */
const plainName = new Map([
  ['audio/x-m4a', 'audio/mp4'],
  ['audio/x-wav', 'audio/wav'],
  ['audio/vnd.wave', 'audio/wav'],
  ['audio/wave', 'audio/wav'],
  ['audio/mp3', 'audio/mpeg'],
  ['audio/x-aac', 'audio/aac'],
  ['audio/aacp', 'audio/aac'],
  ['video/x-m4v', 'video/mp4'],
  ['video/matroska', 'video/x-matroska'],
  ['image/jpg', 'image/jpeg'],
]);

/** A media type as it is compared: without parameters, under its plain name. */
export function plainType(mediaType: string): string {
  const type = (mediaType.split(';')[0] ?? '').trim().toLowerCase();
  return plainName.get(type) ?? type;
}

/** Null for what no model can take as a reference. */
export function kindOfType(mediaType: string): MediaKind | null {
  const kind = mediaType.split('/')[0];
  return kind === 'image' || kind === 'video' || kind === 'audio' ? kind : null;
}

/** Which files an input needs, and how many uploads that makes: one for each content and model. */
export class NeededUploads {
  private readonly byContent = new Map<string, ReferenceFile>();
  private readonly pairs = new Set<string>();
  private made = 0;

  add(model: string, files: readonly ReferenceFile[]): void {
    for (const file of files) {
      if (!this.byContent.has(file.sha256)) this.byContent.set(file.sha256, file);
      this.pairs.add(`${file.sha256} ${model}`);
    }
  }

  /** Files that are not made yet: each of them is another one. */
  addMade(count: number): void {
    this.made += count;
  }

  files(): ReferenceFile[] {
    return [...this.byContent.values()];
  }

  get count(): number {
    return this.pairs.size + this.made;
  }
}
