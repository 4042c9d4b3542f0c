import { fileTypeFromBuffer } from 'file-type';
import type { TaskCategory } from '../shared/task-category.js';

/** What a downloaded file turned out to be. */
export interface ResultMedia {
  /** Without the dot. */
  extension: string;
  mediaType: string;
  /** What it may be as a result; empty for what is none. A container may hold sound or pictures. */
  mayBe: readonly TaskCategory[];
  /** For people. */
  name: string;
}

/** What is needed of a file's beginning. */
export const sniffBytes = 4_100;

/** Types that do not say which of two they are. */
const severalKinds = new Map<string, readonly TaskCategory[]>([
  ['video/mp4', ['video', 'audio']],
  ['video/webm', ['video', 'audio']],
  ['video/ogg', ['video', 'audio']],
  ['video/quicktime', ['video', 'audio']],
  ['video/matroska', ['video', 'audio']],
  ['video/x-matroska', ['video', 'audio']],
  ['video/3gpp', ['video', 'audio']],
  ['application/ogg', ['video', 'audio']],
  ['application/vnd.ms-asf', ['video', 'audio']],
  ['application/mxf', ['video']],
  ['image/gif', ['image', 'video']],
  ['image/apng', ['image', 'video']],
]);

const plainNames = { image: 'an image', video: 'a video', audio: 'a sound' } as const;

/** What a file is, by its beginning; the declared type only where the content has no known signature. */
export async function lookAtResult(start: Buffer, declared: string | null): Promise<ResultMedia> {
  // First of all: signatures may be two letters, which a sentence can begin with as well.
  const text = textOf(start);
  if (text !== null) return lookAtText(text, declared);
  const found = await fileTypeFromBuffer(start);
  if (found) {
    const mayBe = kindsOf(found.mime);
    return { extension: found.ext, mediaType: found.mime, mayBe, name: nameOf(mayBe, found.mime) };
  }
  const mediaType = declared ?? 'application/octet-stream';
  // Sound may come as bare samples, which have no signature; pictures and films have one.
  const mayBe: readonly TaskCategory[] = /^(application|binary)\/octet-stream$/.test(mediaType)
    ? ['audio']
    : kindsOf(mediaType);
  return { extension: 'bin', mediaType, mayBe, name: `data of no known kind (${mediaType})` };
}

/** Why what came is not what the task's category promises; null where it is. A null `promised`: nobody knows. */
export function judgeResults(
  results: readonly ResultMedia[],
  promised: TaskCategory | null,
): string | null {
  const due = promised === null ? 'an image, a video or a sound' : plainNames[promised];
  const strange = results.find(({ mayBe }) => mayBe.length === 0);
  if (strange) return `The API returned ${strange.name} instead of ${due}.`;
  // Beside a film there may be its last frame, beside a song its cover: one of them is what was paid for.
  if (promised === null || results.some(({ mayBe }) => mayBe.includes(promised))) return null;
  return `The API returned ${results.map(({ name }) => name).join(' and ')} instead of ${due}.`;
}

function kindsOf(mediaType: string): readonly TaskCategory[] {
  const several = severalKinds.get(mediaType);
  if (several) return several;
  const [kind] = mediaType.split('/');
  return kind === 'image' || kind === 'video' || kind === 'audio' ? [kind] : [];
}

function nameOf([kind]: readonly TaskCategory[], mediaType: string): string {
  return kind ? `${plainNames[kind]} (${mediaType})` : `a file of type ${mediaType}`;
}

/** Tab, line feed, form feed, carriage return and escape occur in text; the other control characters do not. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const control = /[\u0000-\u0008\u000b\u000e-\u001a\u001c-\u001f\u007f]/;
/** Bytes of other files are hardly ever that many without a control character among them. */
const tellingBytes = 256;

/** Null where it is no text. */
function textOf(start: Buffer): string | null {
  const utf16 = start[0] === 0xff && start[1] === 0xfe ? 'utf-16le' : null;
  const encoding = utf16 ?? (start[0] === 0xfe && start[1] === 0xff ? 'utf-16be' : 'utf-8');
  const text = decoded(start, encoding);
  if (text !== null) return control.test(text) ? null : text;
  const latin = start.toString('latin1');
  return start.length >= tellingBytes && !control.test(latin) ? latin : null;
}

function decoded(start: Buffer, encoding: string): string | null {
  try {
    // A character may be cut off at the end of what was kept.
    return new TextDecoder(encoding, { fatal: true }).decode(start, { stream: true });
  } catch {
    return null;
  }
}

function lookAtText(text: string, declared: string | null): ResultMedia {
  const root = rootOf(text);
  const svg = root === 'svg' || (root === null && declared === 'image/svg+xml');
  if (svg) {
    const mediaType = 'image/svg+xml';
    return { extension: 'svg', mediaType, mayBe: ['image'], name: `an image (${mediaType})` };
  }
  const mediaType = declared ?? 'text/plain';
  return { extension: 'txt', mediaType, mayBe: [], name: textName(text, root, declared) };
}

function textName(text: string, root: string | null, declared: string | null): string {
  if (root === 'html' || (root !== '' && declared === 'text/html')) return 'an HTML page';
  if (root !== '') return 'an XML document';
  return /^\s*[[{]/.test(text) || declared === 'application/json' ? 'JSON' : 'plain text';
}

const htmlRoots = new Set(['html', 'head', 'body', 'title', 'meta', 'script', 'div', 'center']);

/**
 * Name of a markup's first element, `html` for all that only pages begin with; null where it lies behind what was
 * kept of the file, '' for text that is no markup. Goes through the text once, whatever stands in it.
 */
function rootOf(text: string): string | null {
  let at = 0;
  for (;;) {
    // A declaration with a list of its own ends in `]>`.
    at += (/^[\s\ufeff]*(?:\]\s*>)?[\s\ufeff]*/.exec(text.slice(at)) ?? [''])[0].length;
    const end = endOfProlog(text, at);
    if (end === null) break;
    if (/^<!doctype\s+html/i.test(text.slice(at, at + 40))) return 'html';
    if (end < 0) return null;
    at = end;
  }
  const [, prefixed = ''] =
    /^<((?:[a-z][\w-]*:)?[a-z][\w-]*)/i.exec(text.slice(at, at + 100)) ?? [];
  const name = prefixed.toLowerCase().split(':').at(-1) ?? '';
  return htmlRoots.has(name) ? 'html' : name;
}

/** Behind a declaration or comment that begins here; -1 where its end was not kept, null where there is none. */
function endOfProlog(text: string, at: number): number | null {
  for (const [begin, end] of [
    ['<?', '?>'],
    ['<!--', '-->'],
    ['<!', '>'],
  ] as const) {
    if (!text.startsWith(begin, at)) continue;
    const found = text.indexOf(end, at + begin.length);
    return found < 0 ? -1 : found + end.length;
  }
  return null;
}
