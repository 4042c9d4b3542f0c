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
  /** Address in a bucket that it is a copy of: whoever has no copy fetches one. */
  from?: string | undefined;
}

const pattern = /^sha256:([0-9a-f]{64})$/;
/** As it stands in a body, which is JSON text. */
const member = /"(?:url|file_id)":"sha256:[0-9a-f]{64}"/;

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
  if (isChat(parsed)) return JSON.stringify({ ...parsed, attachments: [...items] });
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

/** What the items among params refer to, in their order: it tells the content of briefs apart. */
export function itemAddresses(items: JsonValue | undefined): string[] {
  return listOf(items).map((item) => String(addressOf(item)));
}

/** A chat names uploads by their ids, all else by their URLs. */
export function addressOf({ url, file_id: fileId }: JsonObject): JsonValue | undefined {
  return url ?? fileId;
}

function isChat(body: JsonObject): boolean {
  return typeof body.message === 'string';
}

function itemsOf(body: JsonObject): JsonObject[] {
  if (isChat(body)) return listOf(body.attachments);
  return listOf((body.params as JsonObject | undefined)?.referenceMediaItems);
}

function listOf(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? (value as JsonObject[]) : [];
}

function sha256Of(item: JsonObject): string | null {
  const address = addressOf(item);
  return (typeof address === 'string' && pattern.exec(address)?.[1]) || null;
}
