import { hash } from 'node:crypto';
import { canonicalJson, type JsonObject } from './json.js';

/** What is sent to the API for one brief; two briefs with equal content make the same request. */
export interface BriefContent {
  model: string;
  prompt: string | null;
  params: JsonObject;
  /** Public URLs, in the order given. */
  references: string[];
}

/** 32 hex digits over the content alone: what tells "same id, same content" from "same id, other content". */
export function contentFingerprint(content: BriefContent): string {
  const { model, prompt, params, references } = content;
  return hash('sha256', canonicalJson({ model, prompt, params, references }), 'hex').slice(0, 32);
}
