import { readdir } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { fileMark } from '../shared/file-mark.js';
import { fileNames } from './file-names.js';
import { headerIn, type JournalHeader, readJournalHeader } from './journal.js';
import { manifestPath } from './manifest.js';
import { bucketOf, type OutputPlaces, placeBelow } from './mirror.js';

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
