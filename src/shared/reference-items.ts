import type { JsonObject, JsonValue } from './json.js';

/** A file that briefs refer to, as it was when the input was checked. */
export interface ReferenceFile {
  /** Of its content, in hex: what names it. */
  sha256: string;
  /** Absolute. */
  path: string;
  bytes: number;
  /** By content. */
  mediaType: string;
  /** Base name, as the API is told. */
  name: string;
}

const pattern = /^sha256:([0-9a-f]{64})$/;
/** As it stands in a body, which is JSON text. */
const member = /"url":"sha256:[0-9a-f]{64}"/;

/**
 * What stands for a file's URL in an admitted body: the content alone, so that key and fingerprint do not change
 * with the place of a file or the address that an upload got (S1).
 */
export function placeholderFor(sha256: string): string {
  return `sha256:${sha256}`;
}

/** A look at the text alone, for the many briefs that have none; true where it is worth a closer look. */
function mentionsFiles(text: string): boolean {
  return member.test(text);
}

/** The files that a body waits for, in the order of its items; a file may stand there twice. */
export function placeholdersIn(body: string): string[] {
  if (!mentionsFiles(body)) return [];
  return itemsOf(JSON.parse(body) as JsonObject).flatMap((item) => sha256Of(item) ?? []);
}

/** The body as it is sent: `items` in place of its own. */
export function withItems(body: string, items: readonly JsonObject[]): string {
  const parsed = JSON.parse(body) as JsonObject;
  const params = { ...(parsed.params as JsonObject), referenceMediaItems: [...items] };
  return JSON.stringify({ ...parsed, params });
}

/** The items of a body, each that stands for a file replaced by what `resolve` makes of it. */
export function resolveItems(
  body: string,
  resolve: (sha256: string, item: JsonObject, index: number) => JsonObject,
): JsonObject[] {
  return itemsOf(JSON.parse(body) as JsonObject).map((item, index) => {
    const sha256 = sha256Of(item);
    return sha256 === null ? item : resolve(sha256, item, index);
  });
}

/** `url`s of a body's items in their order: what tells the content of briefs apart. */
export function itemUrls(params: JsonObject): string[] {
  return listOf(params.referenceMediaItems).map(({ url }) => String(url));
}

function itemsOf(body: JsonObject): JsonObject[] {
  return listOf((body.params as JsonObject | undefined)?.referenceMediaItems);
}

function listOf(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? (value as JsonObject[]) : [];
}

function sha256Of({ url }: JsonObject): string | null {
  return (typeof url === 'string' && pattern.exec(url)?.[1]) || null;
}
