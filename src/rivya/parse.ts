import type {
  ChatTurn,
  Model,
  ModelParam,
  ReferenceMediaRules,
  Task,
  TaskStatus,
  UploadedFile,
} from './outcome.js';
import { quoteText } from './transport-failure.js';

const brokenText = /\p{Cs}/u;

/**
 * A task as the API sent it; null where there is no `id`, without which nothing can be followed up. One with broken text
 * in it is none: no path can hold it.
 */
export function parseTask(json: unknown): Task | null {
  const body = asRecord(json);
  const id = asText(body?.id);
  if (body === null || id === null || brokenText.test(id)) return null;
  return {
    id,
    status: parseStatus(body.status),
    reservedCredits: asAmount(body.reserved_credits),
    finalCredits: asAmount(body.final_credits),
    ...parseTimes(body.created_at, body.updated_at),
    urls: parseUrls(body.result),
    error: parseTaskError(body.error),
  };
}

/** A status we do not know is not an end: the task is watched until its deadline. */
function parseStatus(value: unknown): TaskStatus {
  const word = quoteText(asText(value) ?? 'unstated', 100).trim();
  const kind = word.toLowerCase();
  if (kind === 'succeeded' || kind === 'failed') return { kind };
  return { kind: 'running', word };
}

function parseTimes(createdAt: unknown, updatedAt: unknown): Pick<Task, 'lifeMs' | 'updatedAtMs'> {
  const updatedAtMs = parseTime(updatedAt);
  const lifeMs = updatedAtMs - parseTime(createdAt);
  return {
    lifeMs: Number.isFinite(lifeMs) ? lifeMs : null,
    updatedAtMs: Number.isFinite(updatedAtMs) ? updatedAtMs : null,
  };
}

/** Not a number for what is no date; a longer text than any date has is none. */
function parseTime(value: unknown): number {
  const text = asText(value) ?? '';
  return text.length > 100 ? Number.NaN : Date.parse(text);
}

function parseUrls(value: unknown): string[] {
  const result = asRecord(value);
  const urls = [result?.primary_url, ...asList(result?.urls)]
    .map((url) => asText(url)?.trim() ?? '')
    .filter((url) => url !== '');
  return [...new Set(urls)];
}

function parseTaskError(value: unknown): Task['error'] {
  const word = asText(value);
  if (word !== null) return { code: 'unspecified', message: quoteText(word) };
  const error = asRecord(value);
  if (error === null) return null;
  return {
    code: quoteText(asText(error.code) ?? 'unspecified', 100),
    message: quoteText(asText(error.message) ?? ''),
  };
}

/**
 * A turn of a chat as the API sent it; null where there is no `id`. It is paid with the answer, so whatever else is missing
 * or is said in another way is no reason to ask again.
 */
export function parseChatTurn(json: unknown): ChatTurn | null {
  const body = asRecord(json);
  const id = asText(body?.id);
  if (body === null || id === null || brokenText.test(id)) return null;
  const credits = asRecord(body.credits);
  return {
    id,
    sessionId: asText(body.session_id),
    // As bytes, broken text is text that every file can hold.
    text: Buffer.from(parseContent(asRecord(body.message)?.content)).toString(),
    usage: parseUsage(asRecord(body.usage)),
    reservedCredits: asAmount(credits?.reserved) ?? asAmount(body.reserved_credits),
    finalCredits: asAmount(credits?.final) ?? asAmount(body.final_credits),
  };
}

/** A text, or a list of its parts, as other APIs of this kind have it. */
function parseContent(value: unknown): string {
  if (typeof value === 'string') return value;
  return asList(value)
    .map((part) => (typeof part === 'string' ? part : (asRecord(part)?.text ?? '')))
    .filter((part) => typeof part === 'string')
    .join('');
}

function parseUsage(usage: Record<string, unknown> | null): ChatTurn['usage'] {
  if (usage === null) return null;
  return {
    inputTokens: asAmount(usage.input_tokens),
    outputTokens: asAmount(usage.output_tokens),
    totalTokens: asAmount(usage.total_tokens),
  };
}

/** The answer to an upload; its shape was never documented. Null where there is no URL, without which it is of no use. */
export function parseUpload(json: unknown): UploadedFile | null {
  const body = asRecord(json);
  // Some of this API's answers wrap what they name.
  const file = asRecord(body?.file) ?? asRecord(body?.data) ?? body;
  const url = asText(file?.url)?.trim() ?? null;
  if (file === null || url === null || !URL.canParse(url)) return null;
  return {
    url,
    id: asText(file.id) ?? asText(file.file_id),
    durationToken: asText(file.duration_token),
    durationSeconds: asAmount(file.duration_seconds) ?? asAmount(file.duration),
  };
}

/** Megabytes of the documentation, taken as the smaller of the two that are meant by it. */
const bytesPerMegabyte = 1_000_000;

/**
 * The models of a `GET /models` answer (`{"data":[...]}`) or of a bare list; null where it is neither.
 * Entries without an id are left out.
 */
export function parseModels(json: unknown): Model[] | null {
  const list = Array.isArray(json) ? json : asRecord(json)?.data;
  if (!Array.isArray(list)) return null;
  return list.map(parseModel).filter((model) => model !== null);
}

function parseModel(value: unknown): Model | null {
  const entry = asRecord(value);
  const id = asText(entry?.id);
  if (entry === null || id === null) return null;
  const params = asList(entry.params)
    .map(parseParam)
    .filter((param) => param !== null);
  return {
    id,
    displayName: asText(entry.display_name) ?? id,
    category: asText(entry.category),
    baseCredits: asAmount(entry.base_credits),
    billingType: asText(entry.billing_type),
    maxPromptLength: asAmount(entry.max_prompt_length),
    apiStatus: asText(entry.api_status),
    apiInputStatus: asText(entry.api_input_status),
    requiresFilesApi: asFlag(entry.requires_files_api),
    urlInputSupported: asFlag(entry.url_input_supported),
    referenceMedia: parseReferenceMedia(entry.reference_media),
    takesImages: parseTakesImages(entry),
    params: entry.category === 'chat' ? chatParams(params) : params,
    notices: asList(entry.notices)
      .map(parseNotice)
      .filter((notice) => notice !== null),
  };
}

/** What a turn of every chat takes beside its message (documented); of the efforts, those that the model's entry names. */
function chatParams(listed: ModelParam[]): ModelParam[] {
  const efforts = listed.find(({ key }) => key === 'reasoning_effort')?.options ?? [];
  const option = { required: false, default: null, min: null, max: null, step: null };
  const known: ModelParam[] = [
    {
      ...option,
      key: 'reasoning_effort',
      type: 'select',
      options:
        efforts.length > 0 ? efforts : ['default', 'minimal', 'low', 'medium', 'high', 'xhigh'],
    },
    { ...option, key: 'enable_web_search', type: 'switch', options: [] },
  ];
  const others = listed.filter(({ key }) => known.every((param) => param.key !== key));
  return [...known, ...others];
}

/**
 * Whether a chat model takes pictures, by the first of three fields that says so. The shape of `chat_capabilities` was never
 * shown: a list of words, or flags by name.
 */
function parseTakesImages(entry: Record<string, unknown>): boolean | null {
  const capabilities = parseTexts(entry.chat_capabilities);
  if (capabilities !== null) return capabilities.some((word) => aboutImages.test(word));
  for (const [name, value] of Object.entries(asRecord(entry.chat_capabilities) ?? {})) {
    const flag = asFlag(value);
    if (flag !== null && aboutImages.test(name)) return flag;
  }
  const kinds = parseTexts(entry.file_kinds);
  if (kinds !== null) return kinds.includes('image');
  const inputs = parseTexts(entry.supported_api_inputs);
  return inputs === null ? null : inputs.some((input) => /^(files?|images?)$/.test(input));
}

const aboutImages = /image|attachment|vision/i;

/** Only empty lists of them were ever shown: a sentence, or something that has one. */
function parseNotice(value: unknown): string | null {
  const { message, text, title } = asRecord(value) ?? {};
  const sentence = asText(value) ?? asText(message) ?? asText(text) ?? asText(title);
  return sentence === null ? null : quoteText(sentence);
}

/** The API never showed the names inside `params`: these are the likely ones, and all may be missing. */
function parseParam(value: unknown): ModelParam | null {
  const entry = asRecord(value);
  const key = asText(entry?.key) ?? asText(entry?.name);
  if (entry === null || key === null) return null;
  return {
    key,
    type: asText(entry.type),
    required: asFlag(entry.required) === true,
    options: asList(entry.options)
      .map(parseOption)
      .filter((option) => option !== null),
    default: parseOption(entry.default),
    min: asNumber(entry.min),
    max: asNumber(entry.max),
    step: asAmount(entry.step),
  };
}

function parseReferenceMedia(value: unknown): ReferenceMediaRules | null {
  const entry = asRecord(value);
  if (entry === null) return null;
  return {
    maxFiles: asAmount(entry.max_files),
    fileKinds: parseTexts(entry.file_kinds),
    limits: asList(entry.limits).flatMap((limit) => {
      const { kind, max_size_mb: megabytes, mime_types: types } = asRecord(limit) ?? {};
      const name = asText(kind);
      const most = asAmount(megabytes);
      const maxBytes = most === null ? null : most * bytesPerMegabyte;
      return name === null ? [] : [{ kind: name, maxBytes, mediaTypes: parseTexts(types) }];
    }),
  };
}

function parseTexts(value: unknown): string[] | null {
  if (!Array.isArray(value)) return null;
  return value.map(asText).filter((text) => text !== null);
}

function parseOption(value: unknown): string | null {
  const option = asRecord(value)?.value ?? value;
  switch (typeof option) {
    case 'string':
      return option;
    case 'number':
    case 'boolean':
      return String(option);
    default:
      return null;
  }
}

/** Readers for fields of answers: what is not as expected is null, never an error (lenient out). */

export function asRecord(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

export function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A string with something in it. */
export function asText(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value : null;
}

/** A finite number, also one that was sent as text. */
export function asNumber(value: unknown): number | null {
  const text = asText(value);
  // Number('') is 0: an empty text is no number.
  const number = text === null ? value : Number(text);
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
}

/** A number that counts something: below zero it is as good as unsaid. */
function asAmount(value: unknown): number | null {
  const number = asNumber(value);
  return number !== null && number >= 0 ? number : null;
}

/** True and false, also sent as text; null for all else. */
function asFlag(value: unknown): boolean | null {
  if (value === true || value === 'true') return true;
  return value === false || value === 'false' ? false : null;
}
