import type { JsonObject, JsonValue } from '../shared/json.js';

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

/** `references` as one text: separated by `|`, which no URL holds unescaped. */
export function splitReferences(text: string): string[] {
  return text
    .split('|')
    .map((reference) => reference.trim())
    .filter((reference) => reference !== '');
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
