import type { JsonObject } from '../shared/json.js';
import type { RowFault } from './rejection.js';

/** One entry of `params.referenceMediaItems`, as the API takes it. */
export interface ReferenceMedia {
  url: string;
  kind: 'image' | 'video' | 'audio';
}

const KIND_OF_EXTENSION: Readonly<Record<string, ReferenceMedia['kind']>> = {
  mp4: 'video',
  m4v: 'video',
  mov: 'video',
  webm: 'video',
  mkv: 'video',
  mp3: 'audio',
  m4a: 'audio',
  wav: 'audio',
  aac: 'audio',
  ogg: 'audio',
  flac: 'audio',
};

const NO_REFERENCES = { urls: [], media: [] };

/** Keeps the order: for some models the second image is the last frame. */
export function readReferences(
  { references, params }: { references: readonly string[]; params: JsonObject },
  faults: RowFault[],
): { urls: string[]; media: ReferenceMedia[] } {
  if (references.length === 0) return NO_REFERENCES;
  if (Object.hasOwn(params, 'referenceMediaItems')) {
    const reason = 'references are given twice: here and in params.referenceMediaItems';
    faults.push({ kind: 'bad_reference', column: 'references', reason });
  }
  const urls: string[] = [];
  const media: ReferenceMedia[] = [];
  for (const reference of references) {
    const text = reference.trim();
    const url = URL.canParse(text) ? new URL(text) : null;
    const reason = refusalOf(url, text);
    if (reason !== null || url === null) {
      faults.push({ kind: 'bad_reference', column: 'references', reason: reason ?? text });
      continue;
    }
    urls.push(text);
    media.push({ url: text, kind: kindOf(url) });
  }
  return { urls, media };
}

function refusalOf(url: URL | null, text: string): string | null {
  if (text === '') return 'a reference is empty';
  // A single letter is a Windows drive, as in C:\photos\lamp.jpg.
  if (url === null || url.protocol === 'file:' || /^[a-z]:$/.test(url.protocol)) {
    return `"${text}": local files as references are not supported yet; give https URLs`;
  }
  // Whatever stands before the host may be a login, so the text is not repeated here (S8).
  if (url.username !== '' || url.password !== '') {
    return `a reference to ${url.host} carries a login: give a URL without one`;
  }
  if (url.protocol !== 'https:') return `"${text}" is not an https URL`;
  return null;
}

function kindOf(url: URL): ReferenceMedia['kind'] {
  const extension = /\.([a-z0-9]+)$/i.exec(url.pathname)?.[1]?.toLowerCase() ?? '';
  return KIND_OF_EXTENSION[extension] ?? 'image';
}
