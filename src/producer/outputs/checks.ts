import type { ModelParam } from '../../rivya/outcome.js';
import type { RequestBody } from '../../shared/brief.js';
import type { DraftText } from '../../shared/draft.js';
import { BatchError } from '../../shared/errors.js';
import type { JsonValue } from '../../shared/json.js';
import { shellWord } from '../../shared/quantities.js';
import type { RejectionKind, RowFault } from '../rejection.js';
import { isBlank } from '../rows/cell-text.js';
import { isJsonObject } from '../rows/row.js';
import { didYouMean, nearNames } from '../rows/suggest-name.js';
import { type KnownModel, needsPrompt } from './known-models.js';
import type { GivenParams } from './params.js';

/** The API's own limit on a request is not documented; nothing sensible is larger than this. */
const MAX_BODY_BYTES = 256 * 1024;
const MAX_ID_LENGTH = 200;
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u;

/** What is wrong with a model that the list has, or null; of one that it lacks, this says nothing. */
export function modelFault(model: string, known: KnownModel | undefined): RowFault | null {
  if (model === '') {
    return { kind: 'no_model', column: 'model', reason: 'no model is given' };
  }
  if (known === undefined) return null;
  const { apiStatus } = known;
  if (apiStatus === null || apiStatus === 'available') return null;
  const reason = `"${model}" ${callableText(apiStatus)}`;
  return { kind: 'model_not_callable', column: 'model', reason };
}

function callableText(apiStatus: string): string {
  switch (apiStatus) {
    case 'coming_soon':
      return 'cannot be called over the API yet (coming_soon)';
    case 'studio_only':
      return 'works in the Studio only, not over the API (studio_only)';
    default:
      return `cannot be called over the API (${apiStatus})`;
  }
}

/** About a model that the list lacks; without a full stop, as other reasons. */
export function unknownModelReason(model: string, ids: Iterable<string>): string {
  const hint = didYouMean(nearNames(model, [...ids])) || '"rivya-batch models" lists them';
  return `"${model}" is not in the list of models: ${hint}`;
}

/** The model of that name. @throws BatchError `usage` where the list lacks it */
export function namedModel<Known extends { id: string }>(
  id: string,
  models: readonly Known[],
): Known {
  const found = models.find((model) => model.id === id);
  if (found !== undefined) return found;
  const reason = unknownModelReason(
    id,
    models.map((model) => model.id),
  );
  throw new BatchError('usage', reason.replace(/(?<!\?)$/, '.'));
}

/** A missing or too long prompt, or null; length in characters as a person counts them. */
export function promptFault(
  prompt: string | DraftText | null,
  { model, known }: { model: string; known: KnownModel | undefined },
): RowFault | null {
  if (prompt === null) {
    if (!needsPrompt(model)) return null;
    return { kind: 'no_prompt', column: 'prompt', reason: 'no prompt is given' };
  }
  const max = known?.maxPromptLength ?? null;
  // Of one that waits for others' texts, as much as is known.
  const [text, has] =
    typeof prompt === 'string'
      ? [prompt, 'the prompt has']
      : [
          prompt.filter((part) => typeof part === 'string').join(''),
          'without the texts of other outputs, the prompt has',
        ];
  if (max === null || text.length <= max) return null;
  const length = [...text].length;
  if (length <= max) return null;
  return {
    kind: 'prompt_too_long',
    column: 'prompt',
    reason: `${has} ${length} characters, and ${model} takes at most ${max}`,
  };
}

/**
 * What is wrong with a person's words in place of the prompt of a brief that was made before, or null.
 * @param made as its line says
 */
export function rewordingFault(
  { model, prompt, params }: Pick<RequestBody, 'model' | 'prompt' | 'params'>,
  words: string,
  known: KnownModel | undefined,
): RowFault | null {
  const column = 'prompt';
  if (prompt === null) {
    return {
      kind: 'no_prompt',
      column,
      reason: `it was made without a prompt, so none is changed`,
    };
  }
  if (isBlank(words)) return { kind: 'no_prompt', column, reason: 'the changed prompt is empty' };
  return (
    promptFault(words, { model, known }) ??
    bodyFault(JSON.stringify({ model, prompt: words, params }))
  );
}

/** `suffixLength` is what `/variant` adds to the id. */
export function idFault(
  id: string,
  { column, suffixLength }: { column: string; suffixLength: number },
): RowFault | null {
  if (id === '') return { kind: 'bad_id', column, reason: 'the id is empty' };
  if (id.length + suffixLength > MAX_ID_LENGTH) {
    const length = id.length + suffixLength;
    const reason = `the id has ${length} characters, at most ${MAX_ID_LENGTH} are possible`;
    return { kind: 'bad_id', column, reason: `${reason}${firstOfList(id, column)}` };
  }
  if (!UNPRINTABLE.test(id)) return null;
  return { kind: 'bad_id', column, reason: 'the id holds a control character or broken text' };
}

/** A cell with the ids of all variants is a list: one of them is enough. */
function firstOfList(id: string, column: string): string {
  const separator = [',', ';', '|'].find((one) => id.split(one).length > 2);
  if (separator === undefined) return '';
  const template = `{{ ${column} | split: "${separator}" | first }}`;
  return `; it seems to be a list: --id ${shellWord(template)} takes the first, or name another column`;
}

export function bodyFault(body: string): RowFault | null {
  // UTF-8 is at most three bytes per unit of a string: short bodies need no count.
  if (body.length * 3 <= MAX_BODY_BYTES) return null;
  const bytes = Buffer.byteLength(body);
  if (bytes <= MAX_BODY_BYTES) return null;
  const reason = `the request would have ${bytes} bytes, at most ${MAX_BODY_BYTES} are possible`;
  return { kind: 'body_too_large', column: null, reason };
}

/** A param that the model would refuse, or would quietly take for something else. */
export interface ParamFault {
  kind: RejectionKind;
  key: string;
  reason: string;
}

/** Checked by their own rules. */
const notInTheList: ReadonlySet<string> = new Set(['referenceMediaItems', 'dialogue']);
const MOST_OPTIONS_LISTED = 12;
/** Of one step: a decimal such as 0.15 is not exact in binary. */
const STEP_TOLERANCE = 1e-6;

/** What the list of models says against these params; of those that are not known yet it says nothing. */
export function checkParams(
  { params, texts }: GivenParams,
  { model, known }: { model: string; known: KnownModel },
): ParamFault[] {
  const faults = known.endpoint === 'chat' ? takenFaults({ params, texts }, model) : [];
  for (const param of known.params.values()) {
    if (Object.hasOwn(texts, param.key)) continue;
    const value = params[param.key];
    const fault = value === undefined ? missingFault(param, model) : valueFault(param, value);
    if (fault !== null) faults.push({ ...fault, key: param.key });
  }
  // Its prompt is made from the dialogue.
  if (!needsPrompt(model) && !Object.hasOwn(texts, 'dialogue')) {
    const fault = dialogueFault(params.dialogue, model);
    if (fault !== null) faults.push({ ...fault, key: 'dialogue' });
  }
  return faults;
}

/** Of a chat, what stands beside its params in the request: it comes from elsewhere, or is not for a single turn. */
const takenByChat: ReadonlySet<string> = new Set([
  'model',
  'message',
  'messages',
  'prompt',
  'attachments',
  'referenceMediaItems',
  'session_id',
  'stream',
  'client_request_id',
]);

function takenFaults({ params, texts }: GivenParams, model: string): ParamFault[] {
  return [...Object.keys(params), ...Object.keys(texts)]
    .filter((key) => takenByChat.has(key))
    .map((key) => ({
      kind: 'unknown_param',
      key,
      reason: `${model} has no param "${key}": its message is the prompt, its attachments are the references, and each brief is one turn of its own`,
    }));
}

/** Keys that the list does not have for this model; none where it names no params at all. */
export function unknownParams({ params, texts }: GivenParams, known: KnownModel): string[] {
  if (known.params.size === 0) return [];
  const elsewhere = known.endpoint === 'chat' ? takenByChat : notInTheList;
  const keys = [...Object.keys(params), ...Object.keys(texts)];
  return keys.filter((key) => !known.params.has(key) && !elsewhere.has(key));
}

export function unknownParamFault(
  key: string,
  { model, known }: { model: string; known: KnownModel },
): ParamFault {
  const near = nearNames(key, [...known.params.keys()]);
  const hint = near.length === 0 ? '' : `: ${didYouMean(near)}`;
  return { kind: 'unknown_param', key, reason: `${model} has no param "${key}"${hint}` };
}

type Fault = Omit<ParamFault, 'key'>;

function missingFault({ key, required, default: usual }: ModelParam, model: string): Fault | null {
  if (!required) return null;
  const example = usual === null ? '' : `, such as "${usual}"`;
  return { kind: 'missing_param', reason: `${model} needs the param ${key}${example}` };
}

function valueFault(param: ModelParam, value: JsonValue): Fault | null {
  const { key, type } = param;
  switch (type) {
    case 'number':
      return typeof value === 'number' ? numberFault(param, value) : notANumber(key, value);
    case 'select':
      return typeof value === 'string' ? optionFault(param, value) : notText(key);
    case 'text':
      return typeof value === 'string' ? null : notText(key);
    case 'switch':
      return typeof value === 'boolean' ? null : notASwitch(key, value);
    default:
      return null;
  }
}

function notANumber(key: string, value: JsonValue): Fault {
  const shown = typeof value === 'string' ? `"${shorten(value.trim())}"` : JSON.stringify(value);
  return {
    kind: 'not_a_number',
    reason: `param ${key} must be a number, and ${shorten(shown)} is not`,
  };
}

function notASwitch(key: string, value: JsonValue): Fault {
  const shown = shorten(typeof value === 'string' ? value.trim() : JSON.stringify(value));
  const reason = `param ${key} cannot be "${shown}"; it can be true or false`;
  return { kind: 'not_an_option', reason };
}

function notText(key: string): Fault {
  return { kind: 'wrong_type', reason: `param ${key} must be text` };
}

function optionFault({ key, options }: ModelParam, value: string): Fault | null {
  if (options.length === 0 || options.includes(value)) return null;
  const listed = options.slice(0, MOST_OPTIONS_LISTED).map((option) => `"${option}"`);
  const more = options.length > listed.length ? ` and ${options.length - listed.length} more` : '';
  const reason = `param ${key} cannot be "${shorten(value)}"; it can be ${listed.join(', ')}${more}`;
  return { kind: 'not_an_option', reason: `${reason}${suggestion(value, options)}` };
}

/** Between a few short choices that stand there anyway, the nearest in letters says nothing. */
function suggestion(value: string, options: readonly string[]): string {
  const same = options.find((option) => option.toLowerCase() === value.trim().toLowerCase());
  const isLong = options.length > MOST_OPTIONS_LISTED || value.length > 3;
  const near = same !== undefined ? [same] : isLong ? nearNames(value, options) : [];
  return near.length === 0 ? '' : `: ${didYouMean(near)}`;
}

function numberFault(param: ModelParam, value: number): Fault | null {
  const { key, min, max } = param;
  if ((min !== null && value < min) || (max !== null && value > max)) {
    return {
      kind: 'out_of_range',
      reason: `param ${key} must be ${rangeText(param)}, not ${value}`,
    };
  }
  return stepFault(param, value);
}

function rangeText({ min, max }: ModelParam): string {
  if (min === null) return `at most ${max}`;
  return max === null ? `at least ${min}` : `from ${min} to ${max}`;
}

function stepFault({ key, min, step }: ModelParam, value: number): Fault | null {
  if (step === null || step <= 0) return null;
  const from = min ?? 0;
  const steps = (value - from) / step;
  // The tolerance grows with the number: large ones are less exact.
  const tolerance = STEP_TOLERANCE + Math.abs(steps) * Number.EPSILON * 4;
  if (Math.abs(steps - Math.round(steps)) <= tolerance) return null;
  const [below, above] = [Math.floor(steps), Math.ceil(steps)].map((at) =>
    Number((from + at * step).toPrecision(12)),
  );
  const reason = `param ${key} goes in steps of ${step} from ${from}: ${value} lies between ${below} and ${above}`;
  return { kind: 'wrong_step', reason };
}

function dialogueFault(dialogue: JsonValue | undefined, model: string): Fault | null {
  const shape = 'a list such as [{"voice":"Adam","text":"Good evening."}]';
  if (dialogue === undefined) {
    return { kind: 'missing_param', reason: `${model} needs the param dialogue: ${shape}` };
  }
  const isList = Array.isArray(dialogue) && dialogue.length > 0 && dialogue.every(isSpoken);
  return isList ? null : { kind: 'wrong_type', reason: `param dialogue must be ${shape}` };
}

function isSpoken(part: JsonValue): boolean {
  return isJsonObject(part) && typeof part.text === 'string' && part.text.trim() !== '';
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}...` : text;
}
