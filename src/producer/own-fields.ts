import type { JsonObject, JsonValue } from '../shared/json.js';
import { trimCell } from './cell-text.js';

/** What a row itself says in the columns that are ours, before the options complete it. */
export interface OwnFields {
  /** Null where the row has no such column; empty where it has and says nothing. */
  id: string | null;
  model: string | null;
  prompt: string | null;
  /** Values whose type is settled. */
  params: JsonObject;
  /** Params given as text, to be typed once the row's model is known. */
  textParams: readonly { column: string; key: string; text: string }[];
  references: readonly string[];
  metadata: JsonValue;
}

/**
 * `references` as one text: separated by `|`, which no URL holds unescaped, or a JSON list of texts. Shops write
 * several URLs with a comma, a semicolon, spaces or line breaks between them: they are several here, too, and are
 * never sent as one.
 */
export function splitReferences(text: string): string[] {
  const parts = listOfTexts(text) ?? text.split('|');
  return parts
    .flatMap(splitUrls)
    .map(trimCell)
    .filter((reference) => reference !== '');
}

/** Where a URL ends and the next one begins; one inside another, as in `?url=https://...`, is a part of it. */
export function splitUrls(text: string): string[] {
  if (!/^\s*https?:\/\//i.test(text)) return [text];
  const begins = [...text.matchAll(/https?:\/\//gi)]
    .map(({ index }) => index)
    .filter((index) => index > 0 && /[,;\s]/.test(text.charAt(index - 1)));
  return [0, ...begins].map((begin, at) => {
    let end = begins[at] ?? text.length;
    while (end > begin && /[,;\s]/.test(text.charAt(end - 1))) end--;
    return text.slice(begin, end);
  });
}

function listOfTexts(text: string): string[] | null {
  if (!/^\s*\[\s*"/.test(text)) return null;
  try {
    const list: unknown = JSON.parse(text);
    const texts = Array.isArray(list) ? list.filter((item) => typeof item === 'string') : [];
    return Array.isArray(list) && texts.length === list.length ? texts : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
