import { posix } from 'node:path';

/** Whether what was given in place of a file has a scheme, as in `https://`. */
export function isUrl(file: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(file);
}

/**
 * A file as it may be shown and kept: a URL's query or login may be a secret (S8). The sheet that a link to Google
 * Sheets names is none.
 */
export function shownFile(file: string): string {
  if (!isUrl(file)) return file;
  const link = readSheetLink(file);
  if (link === null) return file.replace(/[?#].*$/s, '').replace(/\/\/[^/]*@/, '//');
  const { origin, id, isPublished, gid } = link;
  const page = isPublished ? `d/e/${id}/pub` : `d/${id}/edit`;
  return `${origin}/spreadsheets/${page}${gid === null ? '' : `#gid=${gid}`}`;
}

/** Whether `shownFile` leaves something out without which the file may not be had. */
export function hasSecret(file: string): boolean {
  const link = readSheetLink(file);
  return link === null ? shownFile(file) !== file : link.key !== null || hasLogin(file);
}

/** What a file at an address is called: the last part of its path. */
export function nameInUrl(url: string): string {
  const link = readSheetLink(url);
  // A link to a spreadsheet ends with "edit"; its title is not in it.
  if (link !== null) return `google-sheet-${link.id.slice(0, 12)}-${link.gid ?? '0'}`;
  const last = URL.canParse(url) ? posix.basename(new URL(url).pathname) : '';
  const name = decoded(last)
    .normalize('NFC')
    .replace(/[^\p{L}\p{M}\p{N}._-]+/gu, '_')
    .replace(/^\.+/, '');
  // Of which a file system takes 255 bytes.
  return [...name].slice(-60).join('') || 'input';
}

/** A link to Google Sheets, as it stands in the browser or comes from "Share" or "Publish to web". */
export interface SheetLink {
  origin: string;
  id: string;
  isPublished: boolean;
  /** The number of the sheet; null: the first. */
  gid: string | null;
  /** Older files of some accounts are opened with one. */
  key: string | null;
}

/** Null for what is no such link. An address that exports a table already is none. */
export function readSheetLink(file: string): SheetLink | null {
  if (!/^https?:\/\/[^/]*\/spreadsheets\//i.test(file) || !URL.canParse(file)) return null;
  const { origin, pathname, searchParams, hash } = new URL(file);
  const path =
    /^\/spreadsheets\/(?:u\/\d+\/)?d\/(e\/)?([\w-]+)(?:\/(?:edit|view|htmlview|preview|pub|pubhtml)?)?$/.exec(
      pathname,
    );
  const id = path?.[2];
  if (path === null || id === undefined) return null;
  const inHash = new URLSearchParams(hash.slice(1)).get('gid');
  const gid = /^\d+$/.exec(inHash ?? searchParams.get('gid') ?? '')?.[0] ?? null;
  const isPublished = path[1] !== undefined;
  return { origin, id, isPublished, gid, key: searchParams.get('resourcekey') };
}

/** Where the table of such a link is to be had; a sheet that is asked for by name is in the whole workbook. */
export function exportOf(
  link: SheetLink,
  sheet: string | null,
): { url: string; format: 'csv' | 'xlsx' } {
  const { origin, id, isPublished, gid, key } = link;
  const format = sheet === null ? 'csv' : 'xlsx';
  const query = new URLSearchParams({ [isPublished ? 'output' : 'format']: format });
  if (gid !== null && sheet === null) query.set('gid', gid);
  if (isPublished && gid !== null && sheet === null) query.set('single', 'true');
  if (key !== null) query.set('resourcekey', key);
  const page = isPublished ? `d/e/${id}/pub` : `d/${id}/export`;
  return { url: `${origin}/spreadsheets/${page}?${query}`, format };
}

function hasLogin(url: string): boolean {
  const { username, password } = new URL(url);
  return username !== '' || password !== '';
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}
