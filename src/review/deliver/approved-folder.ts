import { createHash, hash, randomUUID } from 'node:crypto';
import { constants, createReadStream, type Stats } from 'node:fs';
import {
  copyFile,
  link,
  lstat,
  mkdir,
  open,
  opendir,
  rename,
  rm,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import type { DeliveredFile } from '../../results/delivery-record.js';
import { hashOf } from '../../shared/hash-chunks.js';
import { syncFolder } from '../../shared/write-file-durably.js';

/** What stands under a name. */
export type Standing =
  | { kind: 'free' }
  /** A file of ours as it was handed over. */
  | { kind: 'ours'; stats: Stats }
  /** A file of ours that was in the middle of being replaced by what the record says. */
  | { kind: 'replaced'; sha256: string }
  /** One of ours that somebody has changed since. */
  | { kind: 'changed' }
  /** Nobody has noted it. */
  | { kind: 'unknown'; stats: Stats };

/** A file that has all its content, and no name yet. */
export interface ReadyFile {
  temporary: string;
  bytes: number;
  sha256: string;
  modifiedMs: number;
}

/** What a killed command has left. */
const temporaryName = /^\.[\da-f]{8}-[\da-f-]{27}\.part$/;

/** Reasons for which a file system refuses a link, and takes a copy. */
const linkRefusals: ReadonlySet<string> = new Set([
  ...['EXDEV', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EACCES', 'EINVAL'],
]);

/** `approved/` of a results folder: each file is written whole and synced before it gets its name. */
export class ApprovedFolder {
  readonly #temporaries = new Set<string>();

  private constructor(readonly path: string) {}

  /** Made where it is not there. */
  static async open(path: string): Promise<ApprovedFolder> {
    await mkdir(path, { recursive: true });
    for await (const { name } of await opendir(path)) {
      if (temporaryName.test(name)) await rm(join(path, name), { force: true });
    }
    return new ApprovedFolder(path);
  }

  /** @param noted what the record says of the name */
  async lookAt(name: string, noted: DeliveredFile | null): Promise<Standing> {
    const path = join(this.path, name);
    const stats = await statsOf(path);
    if (stats === null) return { kind: 'free' };
    if (noted === null || !stats.isFile()) return { kind: 'unknown', stats };
    const untouched = stats.size === noted.bytes && stats.mtimeMs === noted.modified_ms;
    if (untouched) return { kind: 'ours', stats };
    // Folders are copied and unpacked, and their files get other times.
    const sha256 = await hashOf(createReadStream(path));
    if (sha256 === noted.sha256) return { kind: 'ours', stats };
    return sha256 === noted.before ? { kind: 'replaced', sha256 } : { kind: 'changed' };
  }

  hashOf(name: string): Promise<string> {
    return hashOf(createReadStream(join(this.path, name)));
  }

  /** The file itself under another name. Null where the file system refuses that. */
  async link(source: string, sha256: string): Promise<ReadyFile | null> {
    const temporary = this.newTemporary();
    try {
      await link(source, temporary);
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (linkRefusals.has(code)) return null;
      throw error;
    }
    return this.ready(temporary, sha256);
  }

  /** A file of its own, which shares its blocks with the source until one of them is changed, where the disk can do that. */
  async copy(source: string, sha256: string): Promise<ReadyFile> {
    const temporary = this.newTemporary();
    await copyFile(source, temporary, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    return this.ready(temporary, sha256);
  }

  async write(bytes: Buffer): Promise<ReadyFile> {
    const temporary = this.newTemporary();
    await writeFile(temporary, bytes, { flag: 'wx' });
    return this.ready(temporary, hash('sha256', bytes, 'hex'));
  }

  /** A text in pieces. */
  async writeText(pieces: AsyncIterable<string>): Promise<ReadyFile> {
    const temporary = this.newTemporary();
    const hashed = createHash('sha256');
    const file = await open(temporary, 'wx');
    try {
      for await (const piece of pieces) {
        hashed.update(piece);
        await file.appendFile(piece);
      }
    } finally {
      await file.close();
    }
    return this.ready(temporary, hashed.digest('hex'));
  }

  private newTemporary(): string {
    const temporary = join(this.path, `.${randomUUID()}.part`);
    this.#temporaries.add(temporary);
    return temporary;
  }

  private async ready(temporary: string, sha256: string): Promise<ReadyFile> {
    const file = await open(temporary, 'r');
    try {
      await file.sync();
      const { size: bytes, mtimeMs: modifiedMs } = await file.stat();
      return { temporary, bytes, sha256, modifiedMs };
    } finally {
      await file.close();
    }
  }

  /**
   * Gives a file its name.
   * @param place what stands there by then: what is `free` is not taken from somebody who was faster
   */
  async name({ temporary }: ReadyFile, name: string, place: 'free' | 'ours'): Promise<void> {
    const path = join(this.path, name);
    const linked = place === 'free' && (await takeFree(temporary, path));
    if (!linked) await rename(temporary, path);
    await this.drop(temporary);
  }

  /** Two names of one file are not renamed, so what was ready may be there still. */
  async drop(temporary: string): Promise<void> {
    await rm(temporary, { force: true });
    this.#temporaries.delete(temporary);
  }

  async remove(name: string): Promise<void> {
    await unlink(join(this.path, name));
  }

  /** Makes names durable. */
  sync(): Promise<void> {
    return syncFolder(this.path);
  }

  /** Takes away what got no name. */
  async close(): Promise<void> {
    for (const temporary of this.#temporaries) await rm(temporary, { force: true });
  }
}

/** False where the file system has no links. */
async function takeFree(temporary: string, path: string): Promise<boolean> {
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (linkRefusals.has(code)) return false;
    throw error;
  }
}

/** A link is not followed: it is somebody else's. */
async function statsOf(path: string): Promise<Stats | null> {
  return lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
}
