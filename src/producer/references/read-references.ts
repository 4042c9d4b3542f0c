import { resolve } from 'node:path';
import { isBucketAddress, parseBucketAddress } from '../../bucket/bucket-address.js';
import type { FileHole } from '../../shared/draft.js';
import { BatchError } from '../../shared/errors.js';
import type { JsonObject } from '../../shared/json.js';
import { placeholderFor, type ReferenceFile } from '../../shared/reference-items.js';
import { type GivenReference, shownFile } from '../mapping/mapping.js';
import type { RowFault } from '../rejection.js';
import { type Makes, makesFault } from '../steps/output-names.js';
import { kindOfType, type MediaKind, type ReferenceFiles, type WantedReference } from './files.js';
import { countFault, fileFault, kindFault, noRules, type ReferenceRules } from './rules.js';

/** One entry of `params.referenceMediaItems`, as it is admitted: a file has a placeholder for its URL. */
export interface ReferenceMedia {
  url: string;
  kind: MediaKind;
}

export interface RowReferences {
  /** As given. */
  given: string[];
  /** In the order given. */
  media: (ReferenceMedia | FileHole)[];
  /** Of those that are uploaded. */
  files: ReferenceFile[];
  /** Not looked at yet: where there is one, the row has to be read again. */
  wanted: WantedReference[];
}

export interface ReferenceSituation {
  references: readonly GivenReference[];
  /** By what outputs that are made before have for a model. */
  makes: (output: string) => Makes;
  params: JsonObject;
  model: string;
  /** Undefined for a model that the list does not know. */
  rules: ReferenceRules | undefined;
  /** Where they stand, for a sentence that says how to write them. */
  column: string;
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
    if (typeof reference === 'object') {
      const fault = holeFault(reference, situation, rules);
      if (fault !== null) add(fault);
      read.given.push(shownFile(reference));
      read.media.push(reference);
      continue;
    }
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

/** Of a file that is not made yet, its kind is all that can be known. */
function holeFault(
  hole: FileHole,
  { makes, model }: ReferenceSituation,
  rules: ReferenceRules,
): string | null {
  const label = shownFile(hole);
  const unmade = makesFault('file', hole.output, makes);
  if (unmade !== null) return `${label}: ${unmade}`;
  const kind = makes(hole.output);
  const fault = kind === null || kind === 'text' ? null : kindFault(kind, rules, model);
  return fault === null ? null : `${label} ${fault}`;
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
  if (rules.presence === 'refused') return [`${model} takes text alone, and no references`];
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
  const form = formFault(text);
  if (form !== null) return { kind: 'refused', reason: `${shown(text)} ${form}` };
  if (isBucketAddress(text)) return readStored(text, situation, rules);
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
  const page = pageFault(url);
  if (page !== null) return { kind: 'refused', reason: `${shown(text)} ${page}` };
  if (rules.urls === 'uploaded') {
    return readFile({ kind: 'url', url: text }, shown(`${url.origin}${url.pathname}`), {
      situation,
      rules,
    });
  }
  const kind = kindOf(url);
  const fault = kind && kindFault(kind, rules, situation.model);
  if (fault !== null) return { kind: 'refused', reason: `${shown(text)} ${fault}` };
  // A space is no character of a URL; everything else is sent as it is given.
  const sent = /\s/.test(text) ? url.href : text;
  return { kind: 'url', media: { url: sent, kind: kind ?? rules.onlyKind ?? 'image' } };
}

/** No service of ours hands out its address: what is in a bucket is always uploaded. */
function readStored(
  text: string,
  situation: ReferenceSituation,
  rules: ReferenceRules,
): ReadReference {
  try {
    parseBucketAddress(text);
  } catch (error) {
    if (error instanceof BatchError) return { kind: 'refused', reason: error.message };
    throw error;
  }
  return readFile({ kind: 'url', url: text }, shown(text), { situation, rules });
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
  if (found.kind === 'unusable') {
    const hint = wanted.kind === 'path' ? pathHint(label, situation) : '';
    return { kind: 'refused', reason: `${label} ${found.reason}${hint}` };
  }
  const { file } = found;
  const fault = fileFault(file, rules, situation.model);
  const mediaKind = kindOfType(file.mediaType);
  if (fault !== null || mediaKind === null) {
    return { kind: 'refused', reason: `${label} ${fault ?? 'is no image, video or audio'}` };
  }
  return { kind: 'file', file, mediaKind };
}

/** What is surely neither a URL nor a path: the forms in which spreadsheets and web pages show a picture. */
function formFault(text: string): string | null {
  if (/^\/\/[^/]*\./.test(text)) return 'has no https: in front: write it as "https://..."';
  if (text.includes('{{ outputs.')) {
    return 'is more than the file of another output: between references stands a |';
  }
  if (/^=/.test(text)) {
    return 'is a formula: the cell must hold the URL itself, as text';
  }
  if (/^<[a-z]/i.test(text)) return 'is HTML: give the URL of the picture alone';
  if (/^data:/i.test(text)) return 'is a picture as text: give an https URL, or save it as a file';
  if (!isUrl(text) && /\(https?:\/\//i.test(text)) {
    return 'is an attachment, a name with its URL in brackets: give the URLs alone, with | between them';
  }
  return null;
}

/** Links to the page that shows a file; whoever fetches one gets HTML, and the generation is paid all the same. */
function pageFault({ hostname, pathname, searchParams }: URL): string | null {
  const ofDrive = /^\/file\/d\/([^/]+)/.exec(pathname)?.[1];
  if (hostname === 'drive.google.com' && ofDrive !== undefined) {
    return `is the page of a file: the file itself is "https://drive.google.com/uc?export=download&id=${ofDrive}"`;
  }
  if (/(?:^|\.)dropbox\.com$/.test(hostname) && searchParams.get('dl') === '0') {
    return 'is the page of a file: the file itself has dl=1 at its end';
  }
  return null;
}

/** What a path that is not there may have been meant as. */
function pathHint(label: string, { column }: ReferenceSituation): string {
  const separator = [',', ';'].find((one) => label.includes(one));
  if (separator !== undefined) {
    return `; several references have | between them, which a template makes: --references '{{ ${column} | split: "${separator}" | join: "|" }}'`;
  }
  return /^"(?:[a-z0-9-]+\.)+[a-z]{2,}\//i.test(label)
    ? '; if it is a URL, write https:// in front of it'
    : '';
}

/** All else is a path, `C:\photos\lamp.jpg` too. */
function isUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]+:\/\//i.test(text);
}

function shown(text: string): string {
  // What stands behind a `?` may be a token, and before an `@` a login (S8).
  const plain = text
    .slice(0, 4 * LONGEST_SHOWN)
    .replaceAll(/\?[^\s,;|)"]*/g, '')
    .replaceAll(/\/\/[^/@\s]*@/g, '//');
  return `"${plain.length > LONGEST_SHOWN ? `${plain.slice(0, LONGEST_SHOWN)}...` : plain}"`;
}

/** Null for a name that does not say. */
function kindOf(url: URL): MediaKind | null {
  const extension = /\.([a-z0-9]+)$/i.exec(url.pathname)?.[1]?.toLowerCase() ?? '';
  // A file may be called `a.constructor`.
  return (Object.hasOwn(KIND_OF_EXTENSION, extension) && KIND_OF_EXTENSION[extension]) || null;
}
