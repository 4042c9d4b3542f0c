import type { JsonObject } from './json.js';
import type { BriefOrigin } from './prepared-brief.js';

/** A brief's frozen part as the ledger keeps it: where it came from, and the exact body of its POST. */
export interface StoredContent {
  origin: BriefOrigin;
  body: string;
}

export interface RequestBody {
  model: string;
  prompt?: string;
  params?: JsonObject;
}

/** The two were joined by the first newline: JSON text holds none. */
export function parseContent(content: string): StoredContent {
  const end = content.indexOf('\n');
  return {
    origin: JSON.parse(content.slice(0, end)) as BriefOrigin,
    body: content.slice(end + 1),
  };
}

export function parseBody(body: string): RequestBody {
  return JSON.parse(body) as RequestBody;
}
