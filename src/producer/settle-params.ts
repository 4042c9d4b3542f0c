import type { ModelParam } from '../rivya/outcome.js';
import { type JsonObject, type JsonValue, parseJson } from '../shared/json.js';
import type { KnownModel } from './known-models.js';
import { decimal } from './template/read-literal.js';

/**
 * Params with the types that this API takes: numbers where the model wants a number, text for choices, booleans
 * included (`"5"`, `"false"`). What cannot be brought to its type stays as it is, and is found by the checks.
 * Null says nothing of a param that the model has: it is left out.
 */
export function settleParams(params: JsonObject, known: KnownModel | undefined): JsonObject {
  let settled = params;
  for (const [key, value] of Object.entries(params)) {
    const right = settle(key, value, known);
    if (right === value) continue;
    // Copied only then, and whole: a key such as `__proto__` would be lost on the way one by one.
    if (settled === params) settled = { ...params };
    if (right === undefined) delete settled[key];
    else settled[key] = right;
  }
  return settled;
}

/** Undefined where nothing is said. */
function settle(
  key: string,
  value: JsonValue,
  known: KnownModel | undefined,
): JsonValue | undefined {
  if (key === 'dialogue') return settleDialogue(value);
  const param = known?.params.get(key);
  if (param === undefined) return value;
  if (value === null) return undefined;
  switch (param.type) {
    case 'number':
      return settleNumber(value);
    case 'select':
      return settleChoice(value, param);
    case 'text':
      return plainText(value);
    default:
      return value;
  }
}

function settleNumber(value: JsonValue): JsonValue {
  if (typeof value !== 'string') return value;
  const trimmed = value.trim();
  const number = decimal.test(trimmed) ? Number(trimmed) : Number.NaN;
  return Number.isFinite(number) ? number : value;
}

/** A cell's stray spaces are not meant. */
function settleChoice(value: JsonValue, { options }: ModelParam): JsonValue {
  const text = plainText(value);
  if (typeof text !== 'string' || options.includes(text)) return text;
  const trimmed = text.trim();
  return options.includes(trimmed) ? trimmed : text;
}

function plainText(value: JsonValue): JsonValue {
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
}

/** A cell can hold the list of a dialogue as JSON text only. */
function settleDialogue(value: JsonValue): JsonValue {
  const isList = typeof value === 'string' && /^\s*\[/.test(value);
  return isList ? (parseJson(value) ?? value) : value;
}
