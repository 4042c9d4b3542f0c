import { hash } from 'node:crypto';
import { canonicalJson, type JsonObject, type JsonValue } from './json.js';

/** What is sent to the API for one brief; two briefs with equal content make the same request. */
export interface BriefContent {
  model: string;
  prompt: string | null;
  params: JsonObject;
  /** Public URLs, in the order given. */
  references: string[];
}

/** One thing to generate: a row of input after mapping, templating and checking. */
export interface Brief extends BriefContent {
  /** Unique in its batch; text always, so that `00123` stays `00123`. */
  id: string;
  /** The row number that a person sees in a spreadsheet (a CSV's header is row 1), or the 1-based position in JSON. */
  row: number;
  /** Base name of the file it came from, or `stdin`. */
  source: string;
  metadata: JsonValue;
  /** The columns of the input that are not ours, verbatim. */
  input: JsonObject;
}

/** 32 hex digits over the content alone: what tells "same id, same content" from "same id, other content". */
export function contentFingerprint(content: BriefContent): string {
  const { model, prompt, params, references } = content;
  return hash('sha256', canonicalJson({ model, prompt, params, references }), 'hex').slice(0, 32);
}
