import { createReadStream } from 'node:fs';
import { link, mkdir, rename, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Mirror, mirrorAt } from '../../results/mirror.js';
import { hashOf } from '../../shared/hash-chunks.js';
import { syncFolder } from '../../shared/write-file-durably.js';

/** A file that is complete and looked at, and is to be kept. */
export interface FileToKeep {
  temporary: string;
  bytes: number;
  sha256: string;
  mediaType: string;
}

/**
 * Where the result files of a batch are kept, by their paths as lines have them (`assets/NAME`). What `keep` has kept is
 * there for good once `settle` resolves (S5).
 */
export interface ResultShelf {
  /** On this disk: temporaries are made in it. */
  readonly folder: string;
  /** Whether there is a file of this name, with whatever extension a result may have. */
  isHeld(path: string): Promise<boolean>;
  /** Null where there is no such file. */
  hashOf(path: string): Promise<string | null>;
  /**
   * @param name `free`: another file's place is never taken: fails where it holds something else; `own`: nobody else has it
   */
  keep(file: FileToKeep, path: string, name: 'free' | 'own'): Promise<void>;
  settle(folder: string): Promise<void>;
}

/** @param folder of the batch's results, or the mirror of their bucket */
export async function shelfAt(folder: string): Promise<ResultShelf> {
  const mirror = await mirrorAt(folder);
  return mirror === null ? new DiskShelf(folder) : new BucketShelf(mirror);
}

/** Extensions of results: a brief's earlier picture may be of another type. */
const commonExtensions = [
  'txt',
  'png',
  'jpg',
  'webp',
  'gif',
  'svg',
  'mp4',
  'webm',
  'mov',
  'mp3',
  'wav',
];

/** All that would be that name but for the extension, this very one included. */
function likeNames(path: string): string[] {
  const stem = path.slice(0, path.lastIndexOf('.') + 1);
  return [...new Set([path, ...commonExtensions.map((extension) => `${stem}${extension}`)])];
}

class DiskShelf implements ResultShelf {
  constructor(readonly folder: string) {}

  async isHeld(path: string): Promise<boolean> {
    const found = await Promise.all(
      likeNames(path).map((candidate) =>
        stat(join(this.folder, candidate)).then(
          () => true,
          () => false,
        ),
      ),
    );
    return found.includes(true);
  }

  hashOf(path: string): Promise<string | null> {
    return hashOfFile(join(this.folder, path));
  }

  /**
   * A name that was free is taken by a link, which fails where somebody else was faster: then the job comes again, and
   * sees what is there. File systems without links rename.
   */
  async keep({ temporary, sha256 }: FileToKeep, name: string, how: 'free' | 'own'): Promise<void> {
    const path = join(this.folder, name);
    if (how === 'own') {
      await makeFolder(dirname(path));
      return rename(temporary, path);
    }
    const failure = await link(temporary, path).then(
      () => null,
      (error: NodeJS.ErrnoException) => error,
    );
    if (failure === null) return;
    if (failure.code !== 'EEXIST') return rename(temporary, path);
    // It is this very content, from before a crash or from another worker at the same job.
    if ((await hashOfFile(path)) !== sha256) throw failure;
  }

  settle(folder: string): Promise<void> {
    return syncFolder(join(this.folder, folder));
  }
}

/** Never the folder of the results itself: where that is gone, what is saved would be lost. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

/** What it puts is compared with its hash by the bucket before it is there, and there is nothing left to settle. */
export class BucketShelf implements ResultShelf {
  constructor(private readonly mirror: Mirror) {}

  get folder(): string {
    return this.mirror.folder;
  }

  async isHeld(path: string): Promise<boolean> {
    const names = new Set(likeNames(path));
    const stem = path.slice(0, path.lastIndexOf('.') + 1);
    for await (const { name } of this.mirror.bucket.list(stem)) if (names.has(name)) return true;
    return false;
  }

  async hashOf(path: string): Promise<string | null> {
    const found = await this.mirror.bucket.head(path);
    if (found === null) return null;
    if (found.sha256 !== null) return found.sha256;
    // A large one, in parts: of which there are hashes alone.
    const whole = await this.mirror.bucket.get(path);
    return whole.kind === 'found' ? hashOf(whole.body) : null;
  }

  async keep(file: FileToKeep, path: string, name: 'free' | 'own'): Promise<void> {
    const { temporary, bytes, sha256, mediaType } = file;
    const how = { onlyIf: name === 'free' ? 'absent' : 'any', mediaType, sha256 } as const;
    const put = await this.mirror.bucket.put(path, { path: temporary, bytes }, how);
    if (put.kind === 'put') {
      await unlink(temporary);
      return;
    }
    // It is this very content, from before a crash or from another worker at the same job.
    if ((await this.hashOf(path)) !== sha256) {
      throw new Error(`${this.mirror.address}/${path} was taken by another file meanwhile`);
    }
  }

  async settle(): Promise<void> {
    // Each is there for good, or was not kept.
  }
}

async function hashOfFile(path: string): Promise<string | null> {
  try {
    // Nearly always there is none, which a stream is slow to find out.
    await stat(path);
    return await hashOf(createReadStream(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
