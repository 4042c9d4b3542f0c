import { createHash, hash } from 'node:crypto';
import { canonicalJson, type JsonObject, type JsonValue } from './json.js';
import type { ManifestLine } from './manifest-line.js';
import { itemUrls } from './reference-items.js';

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

/** Of a line's content. References stand in the params of the body, and beside them in the fingerprint. */
export function fingerprintOf({ model, prompt, params, references }: ManifestLine): string {
  const { referenceMediaItems: _items, ...others } = params;
  const given = references.length > 0;
  return contentFingerprint({
    model,
    prompt,
    params: given ? others : params,
    // Not as given: what counts of a file is its content.
    references: given ? itemUrls(params) : [],
  });
}

/** A brief's frozen part, parsed once for whoever works on it. */
export interface StoredContent {
  /** As the ledger keeps it. */
  text: string;
  origin: BriefOrigin;
  /** The exact body of its POST, and what it says. */
  body: string;
  request: RequestBody;
}

export interface RequestBody {
  model: string;
  prompt?: string;
  params?: JsonObject;
}

/** The two were joined by the first newline: JSON text holds none. */
export function parseContent(text: string): StoredContent {
  const end = text.indexOf('\n');
  const origin = JSON.parse(text.slice(0, end)) as BriefOrigin;
  const body = text.slice(end + 1);
  return { text, origin, body, request: parseBody(body) };
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

/** The POST of one attempt: fixed before the first send and never changed (S1). */
export interface FrozenRequest {
  idempotencyKey: string;
  /** The exact JSON text that is sent, byte for byte, every time. */
  body: string;
}

export interface Attempt {
  batch: string;
  briefId: string;
  /** From 1; raised only as S1 allows. */
  attempt: number;
  body: string;
  /** Empty unless `--fresh` asked for a new start; then kept for the batch's life. */
  nonce: string;
}

/**
 * The key of one attempt: 44 characters of `[a-z0-9-]`, from batch, brief, attempt and content alone,
 * so that a lost Redis or a second machine arrives at the same key (S1).
 */
export function idempotencyKey({ batch, briefId, attempt, body, nonce }: Attempt): string {
  const hash = createHash('sha256');
  for (const part of [nonce, batch, briefId, String(attempt), body]) {
    // The length in front keeps ('a', 'bc') and ('ab', 'c') apart.
    hash.update(`${Buffer.byteLength(part)}:`).update(part);
  }
  return `rvb-${hash.digest('hex').slice(0, 40)}`;
}

/**
 * Params that have nothing to do with the price, by any spelling the catalogue has. Everything else may have
 * (the API documents no prices): a param taken for relevant by mistake only makes prices be learned again.
 */
const withoutPrice =
  /^(seeds?|negative_?prompt|aspect_?ratio|output_?format|watermark|remove_watermark|nsfw_checker|safety_?tolerance|enable_safety_checker|enable_?translation|prompt_?upsampling|prompt_?optimizer|prompt_extend|expand_prompt|enable_prompt_expansion|guidance_scale|cfg_scale|prompt_influence|camera_fixed|fixed_lens|upload_method|previous_text|next_text|language_code|voice|default_voice|stability|similarity_boost|style|soundkey|soundtempo|soundloop|loop|google_search|web_search)$/i;

/**
 * What briefs of the same price have in common: the model and those of its params that may change the price.
 * A reference is counted, because some models charge by mode; its address is left out.
 */
export function priceKind({ model, params }: RequestBody): string {
  const relevant: JsonObject = {};
  for (const [key, value] of Object.entries(params ?? {})) {
    if (withoutPrice.test(key)) continue;
    relevant[key] = Array.isArray(value) ? value.length : value;
  }
  if (Object.keys(relevant).length === 0) return model;
  const hash = createHash('sha256').update(canonicalJson(relevant)).digest('hex').slice(0, 10);
  return `${model} ${hash}`;
}

/** The model of a kind. */
export function modelOf(kind: string): string {
  return kind.replace(/ [0-9a-f]{10}$/, '');
}
