import type { JsonObject, JsonValue } from './json.js';

/** A checked brief as it is admitted: what is sent is fixed here, as text, and never built again (S1). */
export interface PreparedBrief {
  /** Unique in its batch; at most 200 characters, none of them a control character. */
  id: string;
  /** `contentFingerprint` of the content: equal fingerprints have equal bodies. */
  fingerprint: string;
  /** JSON text of a `BriefOrigin`. */
  origin: string;
  /** The exact JSON text of the POST. */
  body: string;
}

/** Where a brief came from, and what travels with it to the manifest without being sent. */
export interface BriefOrigin {
  /** What its files are to be called; absent: after the brief's id. */
  name?: string;
  /** As a person sees it: a CSV's header is row 1; a position from 1 in JSON; a line in JSON Lines. */
  row: number;
  /** Base name of the file, or `stdin`. */
  source: string;
  /** As given; the body carries them as `params.referenceMediaItems`. */
  references: string[];
  metadata: JsonValue;
  input: JsonObject;
}
