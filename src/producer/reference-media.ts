import { resolve } from 'node:path';
import type { JsonObject } from '../shared/json.js';
import { placeholderFor, type ReferenceFile } from '../shared/reference-items.js';
import { kindOfType, type MediaKind } from './references/media-kind.js';
import type { ReferenceFiles, WantedReference } from './references/reference-files.js';
import {
  countFault,
  fileFault,
  kindFault,
  noRules,
  type ReferenceRules,
} from './references/reference-rules.js';
import type { RowFault } from './rejection.js';

/** One entry of `params.referenceMediaItems`, as it is admitted: a file has a placeholder for its URL. */
export interface ReferenceMedia {
  url: string;
  kind: MediaKind;
}

export interface RowReferences {
  /** As given. */
  given: string[];
  /** In the order given. */
  media: ReferenceMedia[];
  /** Of those that are uploaded. */
  files: ReferenceFile[];
  /** Not looked at yet: where there is one, the row has to be read again. */
  wanted: WantedReference[];
}

export interface ReferenceSituation {
  references: readonly string[];
  params: JsonObject;
  model: string;
  /** Undefined for a model that the list does not know. */
  rules: ReferenceRules | undefined;
  /** Where relative paths begin; null where the input has no folder on this machine, and so no files beside it. */
  folder: string | null;
  files: ReferenceFiles;
}

const KIND_OF_EXTENSION: Readonly<Record<string, MediaKind>> = {
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
  jpg: 'image',
  jpeg: 'image',
  png: 'image',
  webp: 'image',
  gif: 'image',
  avif: 'image',
};

const NO_REFERENCES: RowReferences = { given: [], media: [], files: [], wanted: [] };
const LONGEST_SHOWN = 200;

/** Keeps the order: for some models the second image is the last frame. */
export function readReferences(situation: ReferenceSituation, faults: RowFault[]): RowReferences {
  const { references, rules = noRules } = situation;
  const add = (reason: string) =>
    faults.push({ kind: 'bad_reference', column: 'references', reason });
  for (const reason of listFaults(situation, rules)) add(reason);
  if (references.length === 0) return NO_REFERENCES;
  const read: RowReferences = { given: [], media: [], files: [], wanted: [] };
  for (const reference of references) {
    const text = reference.trim();
    const one = readReference(text, situation, rules);
    read.given.push(text);
    switch (one.kind) {
      case 'refused':
        add(one.reason);
        break;
      case 'wanted':
        read.wanted.push(one.wanted);
        break;
      case 'url':
        read.media.push(one.media);
        break;
      case 'file':
        read.media.push({ url: placeholderFor(one.file.sha256), kind: one.mediaKind });
        read.files.push(one.file);
        break;
      default:
        one satisfies never;
    }
  }
  return read;
}

/** What is wrong with the references as a whole. */
function listFaults(
  { references, params, model }: ReferenceSituation,
  rules: ReferenceRules,
): string[] {
  const inParams = Object.hasOwn(params, 'referenceMediaItems');
  if (references.length === 0) {
    const missing = rules.presence === 'needed' && !inParams;
    return missing ? [`${model} needs at least one reference`] : [];
  }
  const tooMany = countFault(references.length, rules, model);
  const twice = 'references are given twice: here and in params.referenceMediaItems';
  return [...(inParams ? [twice] : []), ...(tooMany === null ? [] : [tooMany])];
}

type ReadReference =
  | { kind: 'refused'; reason: string }
  | { kind: 'wanted'; wanted: WantedReference }
  | { kind: 'url'; media: ReferenceMedia }
  | { kind: 'file'; file: ReferenceFile; mediaKind: MediaKind };

function readReference(
  text: string,
  situation: ReferenceSituation,
  rules: ReferenceRules,
): ReadReference {
  if (text === '') return { kind: 'refused', reason: 'a reference is empty' };
  if (!isUrl(text)) return readPath(text, situation, rules);
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null) return { kind: 'refused', reason: `${shown(text)} is not a URL` };
  // Whatever stands before the host may be a login, so the text is not repeated here (S8).
  if (url.username !== '' || url.password !== '') {
    const reason = `a reference to ${url.host} carries a login: give a URL without one`;
    return { kind: 'refused', reason };
  }
  if (url.protocol !== 'https:') {
    return { kind: 'refused', reason: `${shown(text)} is not an https URL` };
  }
  if (rules.urls === 'uploaded') {
    return readFile({ kind: 'url', url: text }, shown(`${url.origin}${url.pathname}`), {
      situation,
      rules,
    });
  }
  const kind = kindOf(url);
  const fault = kind && kindFault(kind, rules, situation.model);
  if (fault !== null) return { kind: 'refused', reason: `${shown(text)} ${fault}` };
  return { kind: 'url', media: { url: text, kind: kind ?? rules.onlyKind ?? 'image' } };
}

function readPath(
  text: string,
  situation: ReferenceSituation,
  rules: ReferenceRules,
): ReadReference {
  if (situation.folder === null) {
    const reason = `${shown(text)}: an input that is fetched from a URL cannot refer to files; give https URLs`;
    return { kind: 'refused', reason };
  }
  if (text.includes('\0')) return { kind: 'refused', reason: 'a reference is no path' };
  const path = resolve(situation.folder, text);
  return readFile({ kind: 'path', path }, shown(text), { situation, rules });
}

function readFile(
  wanted: WantedReference,
  label: string,
  { situation, rules }: { situation: ReferenceSituation; rules: ReferenceRules },
): ReadReference {
  const found = situation.files.look(wanted);
  if (found === undefined) return { kind: 'wanted', wanted };
  if (found.kind === 'unusable') return { kind: 'refused', reason: `${label} ${found.reason}` };
  const { file } = found;
  const fault = fileFault(file, rules, situation.model);
  const mediaKind = kindOfType(file.mediaType);
  if (fault !== null || mediaKind === null) {
    return { kind: 'refused', reason: `${label} ${fault ?? 'is no image, video or audio'}` };
  }
  return { kind: 'file', file, mediaKind };
}

/** All else is a path, `C:\photos\lamp.jpg` too. */
function isUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]+:\/\//i.test(text);
}

function shown(text: string): string {
  return `"${text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}...` : text}"`;
}

/** Null for a name that does not say. */
function kindOf(url: URL): MediaKind | null {
  const extension = /\.([a-z0-9]+)$/i.exec(url.pathname)?.[1]?.toLowerCase() ?? '';
  // A file may be called `a.constructor`.
  return (Object.hasOwn(KIND_OF_EXTENSION, extension) && KIND_OF_EXTENSION[extension]) || null;
}
