import { hash } from 'node:crypto';
import { canonicalJson, type JsonObject, type JsonValue } from './json.js';

/** A filter of a template and its values, such as `["truncate", 200]`. */
export type DraftFilter = [name: string, ...values: JsonValue[]];

/** Where the text of another output goes, once it is there. */
export type TextHole = { output: string; text: DraftFilter[] };

/** Where the file of another output goes. */
export type FileHole = { output: string; file: true };

/** What a template gives before other outputs are made. */
export type DraftPart = string | TextHole | FileHole;

/** Texts of the row, which are never read as a template again, and holes between them. */
export type DraftText = (string | TextHole)[];

/**
 * A brief that comes after others, until their results are known: everything that its row says is in it, and nothing
 * else will be asked. It stands in the place of a body that is not fixed yet.
 */
export type Draft = {
  endpoint: 'generations' | 'chat';
  model: string;
  prompt: DraftText | null;
  /** Those that are known. */
  params: JsonObject;
  /** Those that wait for a text. */
  texts: { [key: string]: DraftText };
  /** In the order in which they are sent; a file of the row has its placeholder for a URL. */
  references: ({ url: string; kind: 'image' | 'video' | 'audio' } | FileHole)[];
};

const opening = '{"draft":';

export function draftText(draft: Draft): string {
  return `${opening}${canonicalJson(draft)}}`;
}

/** Whether what stands for a body is one that is not fixed yet. */
export function isDraft(body: string): boolean {
  return body.startsWith(opening);
}

/** Null for a body that is fixed. */
export function readDraft(body: string): Draft | null {
  return isDraft(body) ? (JSON.parse(body) as { draft: Draft }).draft : null;
}

/**
 * As `contentFingerprint`: over what is known of the content, and over that of the briefs before it.
 * @param before their fingerprints, in the order in which it comes after them
 */
export function draftFingerprint(draft: Draft, before: readonly string[]): string {
  return hash('sha256', canonicalJson({ draft, before: [...before] }), 'hex').slice(0, 32);
}

/** For people: with the name of what is missing where it will be. */
export function shownText(text: DraftText): string {
  return text
    .map((part) => (typeof part === 'string' ? part : `{{ outputs.${part.output}.text }}`))
    .join('');
}
