import { asAmount, asFlag, asList, asNumber, asRecord, asText } from './lenient-fields.js';
import type { Model, ModelParam, ReferenceMediaRules } from './outcome.js';

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
  return {
    id,
    displayName: asText(entry.display_name) ?? id,
    category: asText(entry.category),
    baseCredits: asAmount(entry.base_credits),
    maxPromptLength: asAmount(entry.max_prompt_length),
    apiStatus: asText(entry.api_status),
    apiInputStatus: asText(entry.api_input_status),
    requiresFilesApi: asFlag(entry.requires_files_api),
    urlInputSupported: asFlag(entry.url_input_supported),
    referenceMedia: parseReferenceMedia(entry.reference_media),
    params: asList(entry.params)
      .map(parseParam)
      .filter((param) => param !== null),
  };
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
