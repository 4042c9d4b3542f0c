import type { JsonObject } from './json.js';
import type { ManifestLine } from './manifest-line.js';
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

/** The content as a line has it: the ledger keeps that of a brief that succeeded no longer. */
export function contentOfLine(line: ManifestLine): string {
  const { row, source, references, metadata, input, model, prompt, params } = line;
  const body: JsonObject = { model };
  if (prompt !== null) body.prompt = prompt;
  if (Object.keys(params).length > 0) body.params = params;
  const { name } = line;
  const origin = {
    ...(name === undefined ? {} : { name }),
    row,
    source,
    references,
    metadata,
    input,
  };
  return `${JSON.stringify(origin)}\n${JSON.stringify(body)}`;
}
