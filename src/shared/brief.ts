import { createHash, hash } from 'node:crypto';
import { z } from 'zod';
import {
  type Draft,
  type DraftText,
  draftFingerprint,
  draftText,
  isDraft,
  readDraft,
  shownText,
} from './draft.js';
import { canonicalJson, type JsonObject, type JsonValue } from './json.js';
import type { ManifestLine } from './manifest-line.js';
import { itemAddresses } from './reference-items.js';

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

/**
 * Of a line's content, as its row has it: a person's words in place of the row's are no change of the input. References
 * stand in the params of the body, and beside them in the fingerprint.
 */
export function fingerprintOf(line: ManifestLine): string {
  const { model, params, references, draft, after = [], input_prompt: inputPrompt } = line;
  if (draft !== undefined) {
    const before = after.map(({ fingerprint }) => fingerprint);
    return draftFingerprint(rowsDraft(draft, inputPrompt), before);
  }
  const prompt = typeof inputPrompt === 'string' ? inputPrompt : line.prompt;
  const { [itemsKey[endpointOf(line)]]: items, ...others } = params;
  const given = references.length > 0;
  return contentFingerprint({
    model,
    prompt,
    params: given ? others : params,
    // Not as given: what counts of a file is its content.
    references: given ? itemAddresses(items) : [],
  });
}

function rowsDraft(draft: Draft, inputPrompt: string | DraftText | undefined): Draft {
  return Array.isArray(inputPrompt) ? { ...draft, prompt: inputPrompt } : draft;
}

/** Under which of its params a line has what its brief refers to. */
const itemsKey = { generations: 'referenceMediaItems', chat: 'attachments' } as const;

/** Chats have a text in their lines, or null in its place. */
function endpointOf({ text }: Pick<ManifestLine, 'text'>): BodyEndpoint {
  return text === undefined ? 'generations' : 'chat';
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

/** Where a body goes: a model of category `chat` answers with text, all others make a task. */
export type BodyEndpoint = 'generations' | 'chat';

/** What a body says. */
export interface RequestBody {
  endpoint: BodyEndpoint;
  model: string;
  /** Of a chat its `message`; null where the model takes none. */
  prompt: string | null;
  /** Of a chat its options, and its `attachments`. */
  params: JsonObject;
}

export interface BodyParts extends RequestBody {
  /** What it refers to: URLs, or placeholders of files, in the order given; of a chat, files alone. */
  media: readonly { url: string; kind: string }[];
  /** Null where it is not known yet: see `admittedContent`. */
  clientRequestId: string | null;
}

/**
 * The exact text of every POST; sorted keys throughout, so that equal content is equal bytes (S1).
 * `client_request_id` stands last: see `withClientRequestId`.
 */
export function requestBody(parts: BodyParts): string {
  const { endpoint, model, prompt, params, media, clientRequestId } = parts;
  const promptKey = endpoint === 'chat' ? 'message' : 'prompt';
  const promptMember = prompt === null ? '' : `,"${promptKey}":${JSON.stringify(prompt)}`;
  const body = `{"model":${JSON.stringify(model)}${promptMember}${paramsMembers(endpoint, params, media)}}`;
  return clientRequestId === null ? body : withClientRequestId(body, clientRequestId);
}

function paramsMembers(
  endpoint: BodyEndpoint,
  params: JsonObject,
  media: BodyParts['media'],
): string {
  switch (endpoint) {
    case 'generations': {
      const referenceMediaItems = media.map(({ url, kind }) => ({ url, kind }));
      const sent = media.length === 0 ? params : { ...params, referenceMediaItems };
      const text = canonicalJson(sent);
      return text === '{}' ? '' : `,"params":${text}`;
    }
    case 'chat': {
      const attachments = media.map(({ url }) => ({ file_id: url }));
      const sent = media.length === 0 ? params : { ...params, attachments };
      const members = canonicalJson(sent).slice(1, -1);
      return members === '' ? '' : `,${members}`;
    }
    default:
      return endpoint satisfies never;
  }
}

const longestClientRequestId = 128;

/**
 * By what the API's owner finds a submission again: `BATCH/BRIEF`, percent-encoded where it is not ASCII; one that is too
 * long ends with a hash. It is no part of the content: a brief is what it was when that is the same (`contentFingerprint`).
 */
export function clientRequestId(batch: string, briefId: string): string {
  const whole = `${encoded(batch)}/${encoded(briefId)}`;
  if (whole.length <= longestClientRequestId) return whole;
  const tail = `~${hash('sha256', `${batch}\n${briefId}`, 'hex').slice(0, 16)}`;
  // Not within the three characters of an encoded byte.
  return whole.slice(0, longestClientRequestId - tail.length).replace(/%.?$/, '') + tail;
}

/** Variants and outputs stand behind a slash. */
function encoded(name: string): string {
  return encodeURIComponent(Buffer.from(name).toString()).replaceAll('%2F', '/');
}

function withClientRequestId(body: string, id: string): string {
  return `${body.slice(0, -1)},"client_request_id":${JSON.stringify(id)}}`;
}

/**
 * Whether the requests of a batch's life have a `client_request_id`: all or none, because a brief that is admitted once more
 * after a lost Redis has to get the bytes that it had (S1). Those of lives that an earlier version began have none.
 */
export const requestIdsSchema = z.enum(['given', 'none']);
export type RequestIds = z.infer<typeof requestIdsSchema>;

/** What the ledger keeps of a brief from its admission on. */
export function admittedContent(
  batch: string,
  { id, origin, body, waits }: PreparedBrief,
  requestIds: RequestIds,
): string {
  // The body of one that waits is fixed later.
  const isFixed = waits || requestIds === 'none';
  const frozen = isFixed ? body : withClientRequestId(body, clientRequestId(batch, id));
  return `${origin}\n${frozen}`;
}

/** The two were joined by the first newline: JSON text holds none. */
export function parseContent(text: string): StoredContent {
  const end = text.indexOf('\n');
  const origin = JSON.parse(text.slice(0, end)) as BriefOrigin;
  const body = text.slice(end + 1);
  return { text, origin, body, request: parseBody(body) };
}

/** Of a draft, what is known: what is missing stands there by its name. */
export function parseBody(body: string): RequestBody {
  const draft = readDraft(body);
  if (draft !== null) return requestOfDraft(draft);
  const sent = JSON.parse(body) as JsonObject;
  const { model, prompt = null, params = {}, message, client_request_id: _id, ...options } = sent;
  return typeof message === 'string'
    ? { endpoint: 'chat', model: String(model), prompt: message, params: options }
    : {
        endpoint: 'generations',
        model: String(model),
        prompt: prompt as string | null,
        params: params as JsonObject,
      };
}

function requestOfDraft(draft: Draft): RequestBody {
  const { endpoint, model, prompt, params, texts, references } = draft;
  const open = Object.entries(texts).map(([key, text]) => [key, shownText(text)]);
  const items = endpoint === 'chat' ? 'attachments' : 'referenceMediaItems';
  return {
    endpoint,
    model,
    prompt: prompt && shownText(prompt),
    params: {
      ...params,
      ...Object.fromEntries(open),
      // A price may depend on how many there are.
      ...(references.length > 0 && { [items]: references }),
    },
  };
}

/** The content as a line has it: the ledger keeps that of a brief that succeeded no longer. */
export function contentOfLine(line: ManifestLine): string {
  const { row, source, references, metadata, input, model, prompt, params } = line;
  const { name, output, after, draft, input_prompt: inputPrompt } = line;
  const origin = {
    ...(name === undefined ? {} : { name }),
    ...(output === undefined ? {} : { output }),
    ...(after === undefined ? {} : { after }),
    ...(inputPrompt === undefined ? {} : { inputPrompt }),
    row,
    source,
    references,
    metadata,
    input,
  };
  // Of a step that was never sent, only what it is made from is known.
  if (draft !== undefined && line.requests.submits === 0) {
    return `${JSON.stringify(origin)}\n${draftText(draft)}`;
  }
  const body = requestBody({
    endpoint: endpointOf(line),
    ...{ model, prompt, params },
    // They stand among the params already.
    media: [],
    clientRequestId: clientRequestId(line.batch, line.brief_id),
  });
  const made = draft === undefined ? origin : { ...origin, draft };
  return `${JSON.stringify(made)}\n${body}`;
}

/** What a step's body is, or was, made from; null for a brief that comes after none. */
export function draftOf({ origin, body }: Pick<StoredContent, 'origin' | 'body'>): Draft | null {
  return origin.draft ?? readDraft(body);
}

/** A step's content as it was before its body was fixed; that of any other brief as it is. */
export function draftContent(text: string): string {
  const { origin, body } = parseContent(text);
  const { draft, ...before } = origin;
  if (draft === undefined || readDraft(body) !== null) return text;
  return `${JSON.stringify(before)}\n${draftText(draft)}`;
}

/**
 * A brief's content with a person's words, taken literally, in place of its prompt. What its row says stays beside them:
 * a brief is what it was as long as that is the same. One that has no prompt stays as it is.
 */
export function rewordedContent(text: string, words: string): string {
  const { origin, body, request } = parseContent(text);
  if (request.prompt === null) return text;
  const unfixed = readDraft(body);
  const draft = unfixed ?? origin.draft;
  const { inputPrompt = draft?.prompt ?? request.prompt, ...before } = origin;
  const prompt = draft === undefined ? words : [words];
  const isRows = canonicalJson(prompt) === canonicalJson(inputPrompt);
  const reworded = draft && { ...draft, prompt: [words] };
  const made = {
    ...before,
    ...(isRows ? {} : { inputPrompt }),
    ...(unfixed === null && reworded && { draft: reworded }),
  };
  const frozen =
    unfixed === null ? bodyWith(body, words) : draftText({ ...unfixed, prompt: [words] });
  return `${JSON.stringify(made)}\n${frozen}`;
}

/** All else of it stays, its `client_request_id` too. */
function bodyWith(body: string, prompt: string): string {
  const { client_request_id: id } = JSON.parse(body) as JsonObject;
  const clientRequestId = typeof id === 'string' ? id : null;
  return requestBody({ ...parseBody(body), prompt, media: [], clientRequestId });
}

/** A person's words that a content is made with; null where it says what its row does, and for none. */
export function wordsIn(text: string): string | null {
  // Of a million, most are not worth a closer look.
  if (!text.includes('"inputPrompt":')) return null;
  const { origin, request } = parseContent(text);
  return origin.inputPrompt === undefined ? null : request.prompt;
}

/** Whether it is a step's whose body is still to be fixed. */
export function isUnfixed(text: string): boolean {
  return isDraft(text.slice(text.indexOf('\n') + 1));
}

/** A checked brief as it is admitted: what is sent is fixed here, as text, and never built again (S1). */
export interface PreparedBrief {
  /** Unique in its batch; at most 200 characters, none of them a control character. */
  id: string;
  /** `contentFingerprint` of the content: equal fingerprints have equal bodies. */
  fingerprint: string;
  /** JSON text of a `BriefOrigin`. */
  origin: string;
  /** The exact JSON text of the POST, but for its `client_request_id`; of one that waits, its draft. */
  body: string;
  /** Whether it comes after others, whose results its body is made with. */
  waits: boolean;
}

/** A brief that another one comes after, as it was when that was prepared. */
export interface StepInput {
  /** Name of the recipe's output that it is. */
  output: string;
  id: string;
  fingerprint: string;
  /** A person has to approve its result first. */
  approve?: true;
}

/** Where a brief came from, and what travels with it to the manifest without being sent. */
export interface BriefOrigin {
  /** What its files are to be called; absent: after the brief's id. */
  name?: string;
  /** Name of the recipe's output that it is; absent where the recipe has but one. */
  output?: string;
  /** The briefs that it comes after; absent for none. */
  after?: StepInput[];
  /** What its body was made from, once that is fixed; absent for one that comes after none. */
  draft?: Draft;
  /** The row's prompt where a person's words are sent in its place, of a step as its draft has it; absent where it is sent. */
  inputPrompt?: string | DraftText;
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
export function priceKind({ model, params }: Pick<RequestBody, 'model' | 'params'>): string {
  const relevant: JsonObject = {};
  for (const [key, value] of Object.entries(params)) {
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
