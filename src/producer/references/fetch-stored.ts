import { createHash } from 'node:crypto';
import { readFile, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { Bucket } from '../../bucket/bucket.js';
import { formatBucketAddress, parseBucketAddress } from '../../bucket/bucket-address.js';
import { BucketTrouble } from '../../bucket/bucket-trouble.js';
import type { ProxySettings } from '../../rivya/dispatcher.js';
import { writeFileDurably } from '../../shared/write-file-durably.js';
import { type FetchReference, type FoundReference, lookAtFile } from './files.js';
import { etagHead, keepFetched, mostBytes, safeBaseName, tooLarge } from './keep-fetched.js';

export interface StoredPlace {
  /** Of the service that holds the buckets; null: Amazon's. */
  endpoint: string | null;
  proxy: ProxySettings;
  /** Where what was fetched is kept, each content under its hash, with a note of the ETag it had. */
  folder: string;
}

/** Fetches references from buckets, with the credentials that count for them; none again that still has its ETag. */
export function storedFetcher(place: StoredPlace): FetchReference {
  const buckets = new Map<string, Bucket>();
  return async (text) => {
    const { bucket: name, prefix: key } = parseBucketAddress(text);
    const address = formatBucketAddress({ bucket: name, prefix: key });
    const bucket = buckets.get(name) ?? Bucket.open(`s3://${name}`, place);
    buckets.set(name, bucket);
    try {
      const found = await fetchFrom(bucket, key, notePath(place, address), place.folder);
      if (found.kind === 'unusable') return found;
      return { kind: 'file', file: { ...found.file, from: address } };
    } catch (error) {
      if (!(error instanceof BucketTrouble)) throw error;
      return { kind: 'unusable', reason: `could not be fetched. ${error.message}` };
    }
  };
}

async function fetchFrom(
  bucket: Bucket,
  key: string,
  note: string,
  folder: string,
): Promise<FoundReference> {
  const kept = await keptCopy(note, folder, key);
  const got = await bucket.get(key, kept === null ? {} : { unless: kept.etag });
  if (got.kind === 'absent') return { kind: 'unusable', reason: 'is not there' };
  if (got.kind === 'same') return kept?.found ?? { kind: 'unusable', reason: 'is not there' };
  if (got.bytes > mostBytes) {
    got.body.destroy();
    return { kind: 'unusable', reason: tooLarge };
  }
  const found = await keepFetched(folder, key, async (write) => {
    for await (const chunk of got.body) await write(chunk as Buffer);
    return null;
  });
  if (found.kind === 'file') await writeFileDurably(note, `${found.file.sha256} ${got.etag}`);
  return found;
}

function notePath({ endpoint, folder }: StoredPlace, address: string): string {
  const place = createHash('sha256').update(`${endpoint}\n${address}`).digest('hex');
  return join(folder, `${etagHead}${place.slice(0, 32)}`);
}

/** What was fetched before, if it is still there as it was; null where it has to be fetched. */
async function keptCopy(
  note: string,
  folder: string,
  key: string,
): Promise<{ etag: string; found: FoundReference } | null> {
  const text = await readFile(note, 'utf8').catch(() => '');
  const [, sha256, etag] = /^([0-9a-f]{64}) (.+)$/.exec(text) ?? [];
  if (sha256 === undefined || etag === undefined) return null;
  const found = await lookAtFile(join(folder, sha256), safeBaseName(key));
  if (found.kind !== 'file' || found.file.sha256 !== sha256) return null;
  // As if it were fetched now: what nobody asks for goes (`sweepFetched`).
  const now = new Date();
  await utimes(found.file.path, now, now).catch(() => undefined);
  return { etag, found };
}
