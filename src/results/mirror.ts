import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import {
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, extname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { Bucket, type BucketOptions } from '../bucket/bucket.js';
import { BatchError } from '../shared/errors.js';
import { withFileLock } from '../shared/file-lock.js';
import { fileMark } from '../shared/file-mark.js';
import { firstBytes, hashOf } from '../shared/hash-chunks.js';
import { parseJson } from '../shared/json.js';
import { appendLines, bytesOf, readLines } from '../shared/read-lines.js';
import { markFile } from '../shared/state-format.js';
import { syncFolder, writeFileDurably } from '../shared/write-file-durably.js';
import { fileNames } from './file-names.js';
import { Journal } from './journal.js';

/**
 * The files of a folder that stand in its bucket as well; results stand there alone. In the order in which they are put:
 * whichever was the last one that got there, a line that moved is in one of them, and a send is noted before its line.
 */
const mirrored = [
  [markFile, 'text/plain; charset=utf-8'],
  [fileNames.history, 'application/x-ndjson'],
  [fileNames.journal, 'application/x-ndjson'],
  [fileNames.manifest, 'application/x-ndjson'],
  [fileNames.decisions, 'application/x-ndjson'],
  [fileNames.delivered, 'application/x-ndjson'],
  [fileNames.rejected, 'application/x-ndjson'],
  [fileNames.rejectedTable, 'text/csv; charset=utf-8'],
  [fileNames.table, 'text/csv; charset=utf-8'],
  [fileNames.report, 'application/json'],
] as const;

/** What a mirror knows of its bucket. */
const recordSchema = z.object({
  address: z.string(),
  endpoint: z.string().nullable(),
  /** Another machine has put files since these were fetched: nothing is put before they are fetched again. */
  behind: z.boolean(),
  /** Of each file, as it was last fetched or put. */
  files: z.record(
    z.string(),
    z.object({
      /** In the bucket. */
      etag: z.string(),
      /** Of the file here (`fileMark`): where it has another one, it has changed since. */
      mark: z.string(),
    }),
  ),
});

type MirrorRecord = z.infer<typeof recordSchema>;

/** In a home: the mirrors, by the hash of what they mirror, and the name of the machine. */
const mirrorsName = 'buckets';
const recordName = '.bucket.json';
const lockName = '.bucket.lock';
const patienceMs = 120_000;

/** Where the mirror of a bucket's place is. @param address as `formatBucketAddress` writes it */
export function mirrorFolder(home: string, address: string): string {
  const hash = createHash('sha256').update(address).digest('hex').slice(0, 10);
  // Batches that are given no name are called after their folder.
  return join(home, mirrorsName, hash, basename(address));
}

/** The mirror that a folder is; null for any other folder. */
export async function mirrorAt(folder: string): Promise<Mirror | null> {
  if (basename(dirname(dirname(folder))) !== mirrorsName) return null;
  const record = await readRecord(folder);
  return record === null ? null : new Mirror(folder, record.address, record.endpoint);
}

/**
 * Has the bucket hold what stands in its mirror: from here on it survives this machine. Nothing where the folder is none.
 * @throws BatchError `output_unusable`, also where another machine has put files meanwhile
 */
export async function publish(folder: string): Promise<void> {
  await (await mirrorAt(folder))?.publish();
}

/**
 * As `publish`, for whoever adds to files that others add to as well: what they put meanwhile is fetched, and what is here
 * added to it.
 * @throws BatchError `output_unusable`
 */
export async function exchange(folder: string): Promise<void> {
  const mirror = await mirrorAt(folder);
  if (mirror === null) return;
  for (let tries = 1; ; tries += 1) {
    try {
      if (tries > 1 || (await mirror.isBehind())) await mirror.fetch();
      await mirror.publish();
      return;
    } catch (error) {
      if (tries === mostExchanges || !(await mirror.isBehind())) throw error;
    }
  }
}

const mostExchanges = 5;

/** What people have decided elsewhere, where the folder is a mirror: else it is here anyway. */
export async function fetchDecisions(folder: string): Promise<void> {
  await (await mirrorAt(folder))?.fetch([fileNames.decisions]);
}

/** Deletes small files of a folder, and of the bucket that it mirrors. */
export async function withdraw(folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) await rm(join(folder, name), { force: true });
  await (await mirrorAt(folder))?.withdraw(names);
}

/** Whether something of a mirror has changed since it was last put. */
export async function hasUnpublished(folder: string): Promise<boolean> {
  return (await mirrorAt(folder))?.hasNews() ?? false;
}

/**
 * A result file of a folder, on this disk: one that stands in a bucket is fetched once. Whoever needs to be sure of its
 * content looks at its hash.
 * @param path relative to the folder, as lines have it
 * @throws BatchError `output_unusable`; as an open file would, `ENOENT` where it is not there
 */
export async function localAsset(folder: string, path: string): Promise<string> {
  const mirror = await mirrorAt(folder);
  return mirror === null ? join(folder, path) : mirror.asset(path);
}

/** By endpoint and address: connections are kept. */
const buckets = new Map<string, Bucket>();

/** Proxies are those of whoever named the address first in this process: a mirror does not know them. */
export function bucketAt(address: string, options: BucketOptions): Bucket {
  const key = JSON.stringify([options.endpoint, address]);
  const known = buckets.get(key) ?? Bucket.open(address, options);
  buckets.set(key, known);
  return known;
}

/** A local folder that works like any other output folder, for results that are in a bucket. */
export class Mirror {
  constructor(
    readonly folder: string,
    readonly address: string,
    private readonly endpoint: string | null,
  ) {}

  /** Makes the folder where it is missing; what is in it stays. */
  static async begin(
    folder: string,
    { address, endpoint }: Pick<MirrorRecord, 'address' | 'endpoint'>,
  ): Promise<void> {
    await mkdir(join(folder, fileNames.assets), { recursive: true });
    await new Mirror(folder, address, endpoint).locked(async () => {
      // An address at another server is another one: nothing of it counts.
      if ((await readRecord(folder))?.endpoint === endpoint) return;
      await writeRecord(folder, { address, endpoint, behind: true, files: {} });
    });
  }

  get bucket(): Bucket {
    return bucketAt(this.address, { endpoint: this.endpoint });
  }

  /** For people, and to tell it from all others: its host's name, and a word of its own. */
  machine(): Promise<string> {
    return machineIn(dirname(dirname(this.folder)));
  }

  /** Whether another machine is known to have put files that are not here. */
  async isBehind(): Promise<boolean> {
    return (await readRecord(this.folder))?.behind ?? true;
  }

  /**
   * Has the folder hold what the bucket does, where others have put something since; what has changed here alone stays. Of a
   * machine that kept the journal, its last moment may be missing from it: from here on it counts as one beside others (S1).
   */
  async fetch(names?: readonly string[]): Promise<'as_it_was' | 'fetched'> {
    return this.locked(async () => {
      const record = await this.record();
      let fetched: 'as_it_was' | 'fetched' = 'as_it_was';
      for (const [name] of mirrored) {
        if (names !== undefined && !names.includes(name)) continue;
        const known = record.files[name];
        const found = await this.bucket.get(
          name,
          known === undefined ? {} : { unless: known.etag },
        );
        if (found.kind === 'same') continue;
        if (found.kind === 'absent') {
          if (known === undefined) continue;
          await rm(join(this.folder, name), { force: true });
          delete record.files[name];
        } else {
          const { etag } = found;
          const mark = await this.take(name, found.body);
          record.files[name] = { etag, mark };
          if (mark !== '' && name === fileNames.journal) await this.noteElsewhere();
        }
        fetched = 'fetched';
      }
      if (names === undefined) record.behind = false;
      if (fetched === 'fetched' || names === undefined) await writeRecord(this.folder, record);
      return fetched;
    });
  }

  /**
   * Puts what was fetched in a small file's place, unless that is the same, or goes on where it ends: it came from here, by
   * a command that was killed before it heard so.
   * @returns the mark of what is in the bucket as well; '' where there is more here
   */
  private async take(name: string, body: Readable): Promise<string> {
    const path = join(this.folder, name);
    const temporary = `${path}.${randomUUID()}.part`;
    try {
      await pipeline(body, createWriteStream(temporary, { flags: 'wx', flush: true }));
      const before = await fileMark(path);
      const bytes = await bytesOf(temporary);
      if (
        before !== '' &&
        (await hashOf(firstBytes(path, bytes))) === (await hashOf(firstBytes(temporary, bytes)))
      ) {
        return (await bytesOf(path)) === bytes ? before : '';
      }
      if (name === fileNames.decisions) await addOwnLines(path, temporary);
      const isSame = bytes === (await bytesOf(temporary));
      await rename(temporary, path);
      await syncFolder(this.folder);
      return isSame ? await fileMark(path) : '';
    } finally {
      await rm(temporary, { force: true });
    }
  }

  async hasNews(): Promise<boolean> {
    const { files } = await this.record();
    for (const [name] of mirrored) {
      if ((await fileMark(join(this.folder, name))) !== (files[name]?.mark ?? '')) return true;
    }
    return false;
  }

  /** Puts what has changed here. */
  async publish(): Promise<void> {
    await this.locked(async () => {
      const record = await this.record();
      if (record.behind) throw this.overtaken();
      for (const [name, mediaType] of mirrored) {
        const path = join(this.folder, name);
        const known = record.files[name];
        const mark = await fileMark(path);
        if (mark === (known?.mark ?? '')) continue;
        if (mark === '') {
          // Gone by no act of ours (`withdraw`): the bucket has it, and it is fetched from there.
          delete record.files[name];
          record.behind = true;
        } else {
          const { size: bytes } = await stat(path);
          const put = await this.bucket.put(
            name,
            { path, bytes },
            { onlyIf: known === undefined ? 'absent' : { etag: known.etag }, mediaType },
          );
          if (put.kind === 'overtaken') {
            await writeRecord(this.folder, { ...record, behind: true });
            throw this.overtaken();
          }
          // As it was before: what came while it was put is put the next time.
          record.files[name] = { etag: put.etag, mark };
        }
        await writeRecord(this.folder, record);
      }
    });
  }

  /** The local copy of a result file; its name is in no other machine's way, and what it holds never changes. */
  async asset(path: string): Promise<string> {
    const local = join(this.folder, path);
    if ((await fileMark(local)) !== '') return local;
    const found = await this.bucket.get(path);
    if (found.kind !== 'found') {
      const missing: NodeJS.ErrnoException = new Error(`${this.address}/${path} is not there.`);
      missing.code = 'ENOENT';
      throw missing;
    }
    await mkdir(dirname(local), { recursive: true });
    const temporary = `${local}.${randomUUID()}.part`;
    try {
      await pipeline(found.body, createWriteStream(temporary, { flags: 'wx' }));
      await rename(temporary, local);
    } finally {
      await rm(temporary, { force: true });
    }
    return local;
  }

  /**
   * Has the bucket hold a file of this folder, unless another machine has put one there: then that one stands here as well,
   * for all machines the same.
   */
  async settle(path: string): Promise<void> {
    const local = join(this.folder, path);
    if ((await this.bucket.head(path)) === null) {
      const { size: bytes } = await stat(local);
      const mediaType = await mediaTypeOf(local);
      const put = await this.bucket.put(
        path,
        { path: local, bytes },
        { onlyIf: 'absent', mediaType },
      );
      if (put.kind === 'put') return;
    }
    await rm(local);
    await this.asset(path);
  }

  /** Deletes small files of the bucket that are gone here. */
  async withdraw(names: readonly string[]): Promise<void> {
    await this.locked(async () => {
      const record = await this.record();
      for (const name of names) {
        await this.bucket.remove(name);
        delete record.files[name];
      }
      await writeRecord(this.folder, record);
    });
  }

  /** Has the bucket hold a folder of this one as it is, such as what was handed over. */
  async publishFolder(name: string): Promise<void> {
    const there = new Set<string>();
    for (const entry of await readdir(join(this.folder, name), { withFileTypes: true })) {
      if (!entry.isFile() || entry.name.startsWith('.')) continue;
      const path = join(this.folder, name, entry.name);
      const { size: bytes } = await stat(path);
      const sha256 = await hashOf(firstBytes(path, bytes));
      const stored = `${name}/${entry.name}`;
      there.add(stored);
      if ((await this.bucket.head(stored))?.sha256 === sha256) continue;
      const mediaType = await mediaTypeOf(path);
      await this.bucket.put(stored, { path, bytes }, { onlyIf: 'any', mediaType, sha256 });
    }
    for await (const stored of this.bucket.list(`${name}/`)) {
      if (!there.has(stored.name)) await this.bucket.remove(stored.name);
    }
  }

  private overtaken(): BatchError {
    return new BatchError(
      'output_unusable',
      `Another machine has written to ${this.address}: what it put there is fetched first. Give the same command again.`,
    );
  }

  private locked<T>(work: () => Promise<T>): Promise<T> {
    const path = join(this.folder, lockName);
    return withFileLock(
      {
        path,
        patienceMs,
        heldTooLong: () =>
          new BatchError(
            'output_unusable',
            `Another command has been fetching or putting files of ${this.address} for ${patienceMs / 60_000} minutes (${path}): give this command again when it has ended.`,
          ),
        impossible: (cause) =>
          new BatchError('output_unusable', `${this.folder} cannot be written.`, { cause }),
      },
      work,
    );
  }

  private async record(): Promise<MirrorRecord> {
    const record = await readRecord(this.folder);
    if (record !== null) return record;
    throw new BatchError(
      'output_unusable',
      `${join(this.folder, recordName)} is gone or cannot be read: delete ${this.folder}, and give the same command again; the bucket has all of it.`,
    );
  }

  private async noteElsewhere(): Promise<void> {
    const journal = await Journal.openBegun(this.folder);
    await journal?.note({ elsewhere: true });
    await journal?.close();
  }
}

async function readRecord(folder: string): Promise<MirrorRecord | null> {
  const text = await readFile(join(folder, recordName), 'utf8').catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
      throw error;
    },
  );
  const parsed = recordSchema.safeParse(text === null ? null : parseJson(text));
  return parsed.success ? parsed.data : null;
}

function writeRecord(folder: string, record: MirrorRecord): Promise<void> {
  return writeFileDurably(join(folder, recordName), `${JSON.stringify(record, null, 2)}\n`);
}

/** What people have said here and could not be put is no reason for it to be lost. */
async function addOwnLines(path: string, fetched: string): Promise<void> {
  const there = new Set<string>();
  for await (const { text } of readLines(fetched)) there.add(text);
  const missing: string[] = [];
  for await (const { text } of readLines(path)) if (!there.has(text)) missing.push(text);
  if (missing.length === 0) return;
  const file = await open(fetched, 'a+');
  try {
    await appendLines(file, missing.map((text) => `${text}\n`).join(''));
    await file.sync();
  } finally {
    await file.close();
  }
}

/** By which a home of rivya-batch on one machine is known: those who share its disk share its mirrors as well. */
async function machineIn(folder: string): Promise<string> {
  const path = join(folder, 'machine');
  const known = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (known !== null) return known;
  const temporary = `${path}.${randomUUID()}.part`;
  try {
    await writeFile(temporary, `${hostname()} ${randomUUID()}`);
    // Of two who begin at once, the first one gives the name.
    await link(temporary, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(temporary, { force: true });
  }
  return readFile(path, 'utf8');
}

/** Of a file that bears no line of its own. */
async function mediaTypeOf(path: string): Promise<string> {
  // What looks at contents takes longer to load than most commands that have a mirror.
  const { lookAtResult, sniffBytes } = await import('./result-media.js');
  const { extension, mediaType } = await lookAtResult(
    await buffer(firstBytes(path, sniffBytes)),
    null,
  );
  if (extension !== 'txt') return mediaType;
  return `text/${extname(path) === '.csv' ? 'csv' : 'plain'}; charset=utf-8`;
}
