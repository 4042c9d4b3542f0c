import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Bucket, BucketOptions } from '../bucket/bucket.js';
import {
  formatBucketAddress,
  isBucketAddress,
  parseBucketAddress,
} from '../bucket/bucket-address.js';
import { fileMark } from '../shared/file-mark.js';
import { fileNames } from './file-names.js';
import { headerIn, type JournalHeader, readJournalHeader } from './journal.js';
import { manifestPath } from './manifest.js';
import { bucketAt, Mirror, mirrorAt, mirrorFolder } from './mirror.js';

/** Where the outputs of this machine are: folders as they are, and for those in buckets the folders that mirror them. */
export interface OutputPlaces {
  /** Absolute; see `Settings.home`. */
  home: string;
  /** Of a server that speaks S3; null for Amazon's. */
  s3Endpoint: string | null;
  proxy?: BucketOptions['proxy'];
}

/**
 * What a batch's record says of its place, as the folder here.
 * @param out absolute folder, `s3://bucket/prefix`, or ''
 */
export function folderOf({ home }: Pick<OutputPlaces, 'home'>, out: string): string {
  if (!isBucketAddress(out)) return out;
  return mirrorFolder(home, placeOf(out));
}

/** A place below another one. */
export function placeBelow(out: string, name: string): string {
  return isBucketAddress(out) ? `${placeOf(out)}/${name}` : join(out, name);
}

/** What somebody typed for a place, as it is the same from everywhere. @throws BatchError `usage` */
export function placeOf(out: string): string {
  return isBucketAddress(out) ? formatBucketAddress(parseBucketAddress(out)) : resolve(out);
}

/** A place for results. */
export interface Output {
  /** As a batch's record says it: an absolute folder, or `s3://bucket/prefix`. */
  address: string;
  /** Here: the same, or the mirror of the bucket. */
  folder: string;
}

/**
 * Makes ready the place that somebody names: for a bucket, its mirror, with what the bucket holds now.
 * @param out folder, or `s3://bucket/prefix`
 * @throws BatchError `usage` for what is no address; `output_unusable`
 */
export async function openOutput(places: OutputPlaces, out: string): Promise<Output> {
  const output = await beginOutput(places, out);
  await (await mirrorAt(output.folder))?.fetch();
  return output;
}

/** As `openOutput`, for whoever keeps the folder next, and fetches with that what is not here. */
export async function beginOutput(places: OutputPlaces, out: string): Promise<Output> {
  const address = placeOf(out);
  const folder = folderOf(places, address);
  if (bucketOf(places, address) === null) return { address, folder };
  await Mirror.begin(folder, { address, endpoint: places.s3Endpoint });
  return { address, folder };
}

/** The files of a place in a bucket; null for a folder. @throws BatchError `usage` */
export function bucketOf({ s3Endpoint, proxy }: OutputPlaces, out: string): Bucket | null {
  if (!isBucketAddress(out)) return null;
  return bucketAt(placeOf(out), { endpoint: s3Endpoint, proxy });
}

/** The other way: what a batch's record is to say of a folder here. */
export async function addressOf(folder: string): Promise<string> {
  return (await mirrorAt(folder))?.address ?? folder;
}

/**
 * The places right below one: its folders, or what a bucket has there. They are looked into where they are: of what is in a
 * bucket, nothing is mirrored.
 * @throws the system's error where a folder cannot be read; BatchError `output_unusable` for a bucket
 */
export async function placesBelow(places: OutputPlaces, out: string): Promise<string[]> {
  const bucket = bucketOf(places, out);
  const names = bucket === null ? await readdir(out) : await bucket.folders();
  return names.map((name) => placeBelow(out, name));
}

/** Longer than any header; a bucket counts each request, and a journal has a note for each send. */
const headerBytes = 4_096;

/** As `readJournalHeader`, of any place. @throws BatchError `output_unusable` for a bucket */
export async function headerAt(places: OutputPlaces, out: string): Promise<JournalHeader | null> {
  const bucket = bucketOf(places, out);
  if (bucket === null) return readJournalHeader(out);
  const found = await bucket.get(fileNames.journal, { first: headerBytes });
  return found.kind === 'found' ? headerIn(await text(found.body)) : null;
}

/** Whether there is a manifest. @throws BatchError `output_unusable` for a bucket */
export async function hasLines(places: OutputPlaces, out: string): Promise<boolean> {
  const bucket = bucketOf(places, out);
  if (bucket === null) return (await fileMark(manifestPath(out))) !== '';
  return (await bucket.head(fileNames.manifest)) !== null;
}
