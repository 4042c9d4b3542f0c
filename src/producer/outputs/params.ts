import type { ModelParam } from '../../rivya/outcome.js';
import type { DraftText } from '../../shared/draft.js';
import { type JsonObject, type JsonValue, parseJson } from '../../shared/json.js';
import type { Mapping, Output, ParamTemplate } from '../mapping/mapping.js';
import type { RowFault } from '../rejection.js';
import { isBlank, trimCell } from '../rows/cell-text.js';
import type { OwnFields, Row } from '../rows/row.js';
import { decimal } from '../template/read-literal.js';
import { renderText } from '../template/template.js';
import type { KnownModel } from './known-models.js';

export interface ParamSources {
  fields: OwnFields;
  mapping: Mapping;
  output: Output;
}

/** Those that are known, and those that wait for what other outputs make. */
export interface GivenParams {
  params: JsonObject;
  texts: { [key: string]: DraftText };
}

/**
 * The params of one brief, the most exact source first: its output's own, `params.<key>`, `params`, then `--param`.
 * What is text here gets its type when the model is looked at.
 */
export function completeParams(
  row: Row,
  { fields, mapping, output }: ParamSources,
  faults: RowFault[],
): GivenParams {
  const texts: GivenParams['texts'] = {};
  const options = output.params.length + mapping.params.length;
  if (fields.textParams.length === 0 && options === 0) return { params: fields.params, texts };
  // Without a prototype, a key such as `__proto__` is one like any other.
  const params: JsonObject = Object.create(null);
  const isOpen = (key: string) => !Object.hasOwn(params, key) && !Object.hasOwn(texts, key);
  const fill = ({ key, template }: ParamTemplate) => {
    if (!isOpen(key)) return;
    const text = renderText(template, row, faults);
    if (typeof text === 'object' && text !== null) texts[key] = text;
    else if (text !== null && !isBlank(text)) params[key] = text;
  };
  output.params.forEach(fill);
  for (const { key, text } of fields.textParams) {
    if (isOpen(key)) params[key] = text;
  }
  for (const [key, value] of Object.entries(fields.params)) {
    if (isOpen(key)) params[key] = value;
  }
  mapping.params.forEach(fill);
  return { params, texts };
}

/** Where a person looks for a param that is wrong: its own column, or the one that an option takes it from. */
export function paramColumn(key: string, { fields, mapping, output }: ParamSources): string | null {
  const isOwn =
    Object.hasOwn(fields.params, key) || fields.textParams.some((own) => own.key === key);
  const ofKey = (param: ParamTemplate) => param.key === key;
  const option = output.params.find(ofKey) ?? (isOwn ? undefined : mapping.params.find(ofKey));
  if (option === undefined) return `params.${key}`;
  const [column, ...more] = option.template.columns;
  return column === undefined || more.length > 0 ? null : column;
}

/**
 * Params with the types that this API takes: numbers where the model wants a number, text for choices, booleans
 * included (`"5"`, `"false"`), and a real boolean for the switch of a chat. What cannot be brought to its type stays as it is, and is found by the checks.
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
    case 'switch':
      return settleSwitch(value);
    default:
      return value;
  }
}

function settleNumber(value: JsonValue): JsonValue {
  if (typeof value !== 'string' || !isDecimal(value)) return value;
  const number = Number(trimCell(value));
  return Number.isFinite(number) ? number : value;
}

export function isDecimal(text: string): boolean {
  return decimal.test(trimCell(text));
}

function settleChoice(value: JsonValue, { options }: ModelParam): JsonValue {
  const text = plainText(value);
  return typeof text === 'string' ? (chooseOption(text, options) ?? text) : text;
}

/**
 * The one choice that a cell can mean: spreadsheets write `TRUE` for `true`, `5.0` or `5,0` for `5`, and the time of
 * day `16:09` for `16:9`. Null where there is none, or more than one.
 */
export function chooseOption(text: string, options: readonly string[]): string | null {
  if (options.includes(text)) return text;
  const trimmed = trimCell(text);
  if (options.includes(trimmed)) return trimmed;
  const wanted = plainChoice(trimmed);
  const [only, ...others] = options.filter((option) => plainChoice(option) === wanted);
  return only === undefined || others.length > 0 ? null : only;
}

/** A real boolean, which a cell cannot hold. */
function settleSwitch(value: JsonValue): JsonValue {
  if (typeof value !== 'string') return value;
  const choice = chooseOption(value, ['true', 'false']);
  return choice === null ? value : choice === 'true';
}

function plainChoice(text: string): string {
  const number = /^([+-]?\d+)(?:[.,]0{1,2})?$/.exec(text)?.[1];
  if (number !== undefined) return String(Number(number));
  const ratio = /^0*(\d+):0*(\d+)(?::00)?$/.exec(text);
  return ratio === null ? text.toLowerCase() : `${ratio[1]}:${ratio[2]}`;
}

function plainText(value: JsonValue): JsonValue {
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
}

/** A cell can hold the list of a dialogue as JSON text only. */
function settleDialogue(value: JsonValue): JsonValue {
  const isList = typeof value === 'string' && /^\s*\[/.test(value);
  return isList ? (parseJson(value) ?? value) : value;
}
