import { modelFault } from '../../producer/outputs/checks.js';
import { indexModels, needsPrompt } from '../../producer/outputs/known-models.js';
import { kindOfType } from '../../producer/references/files.js';
import {
  maxBytesOf,
  megabytes,
  type ReferenceRules,
  referenceRules,
} from '../../producer/references/rules.js';
import { csvRows } from '../../results/manifest-csv.js';
import type { Model, ModelParam } from '../../rivya/outcome.js';
import type { JsonObject, JsonValue } from '../../shared/json.js';
import { formatCredits, grouped, shellWord } from '../../shared/quantities.js';

/** Prices that were charged for a model, by whatever of its params makes a price; null where none is known. */
export type SeenPrices = { least: number; most: number } | null;

/** What there is to know of a model before it is used, but for its params: names, and a sentence for each. */
export function modelFacts(model: Model, seen: SeenPrices): [name: string, text: string][] {
  const { baseCredits, billingType, notices } = model;
  const base = baseCredits === null ? 'not in the list' : formatCredits(baseCredits);
  const billing = billingType === null ? '' : ` (${billingType})`;
  return [
    ['kind', model.category ?? 'not in the list'],
    ['can be used', readiness(model)],
    ['input', inputText(model)],
    ['base price', `${base}${billing}; what a brief costs, the API tells when it charges`],
    ...(seen === null ? [] : [['prices seen', seenText(seen)] as [string, string]]),
    ['prompt', promptText(model)],
    ['references', referencesText(model)],
    ...notices.map((notice): [string, string] => ['notice', notice]),
  ];
}

function readiness(model: Model): string {
  const fault = modelFault(model.id, indexModels([model]).get(model.id));
  if (fault !== null) return `no: ${fault.reason}`;
  return model.apiStatus === null
    ? 'the list does not say; it is tried'
    : `yes (${model.apiStatus})`;
}

/** What the API says of a model's input, as far as it concerns whoever has a table. */
function inputText({ apiInputStatus: status }: Model): string {
  switch (status) {
    case 'available_text':
      return `text alone is enough (${status})`;
    case 'available_url_input':
      return `text; references as URLs or by params (${status})`;
    case 'partial_requires_files':
      return `text; some of its modes need a file, which is uploaded for you (${status})`;
    case 'requires_files_api':
      return `each brief needs a reference, which is uploaded for you (${status})`;
    case null:
      return 'the list does not say';
    default:
      return status;
  }
}

function promptText({ id, maxPromptLength: most }: Model): string {
  const length = most === null ? 'no limit is known' : `at most ${grouped(most)} characters`;
  return needsPrompt(id) ? `needed; ${length}` : 'not needed: it is made of the param dialogue';
}

function seenText({ least, most }: NonNullable<SeenPrices>): string {
  if (least === most) return `${formatCredits(most)} at most, by the key in use`;
  return `${formatCredits(least)} to ${formatCredits(most)}, by params, with the key in use`;
}

function referencesText(model: Model): string {
  const rules = referenceRules(model);
  const { presence, maxFiles, kinds, urls } = rules;
  if (presence === 'refused') return 'none';
  const parts = [
    presence === 'needed' ? ['needed'] : [],
    maxFiles === null ? [] : [`at most ${maxFiles}`],
    (kinds ?? []).map((name) => kindText(name, rules)),
  ].flat();
  if (parts.length === 0) return 'the list names none';
  const sent = urls === 'uploaded' ? 'files and URLs are uploaded' : 'files are uploaded';
  return `${parts.join('; ')}; ${sent}`;
}

function kindText(name: string, rules: ReferenceRules): string {
  const kind = kindOfType(name);
  if (kind === null) return name;
  const types = [...(rules.limits.get(kind)?.types ?? [])].map((type) => type.split('/')[1]);
  const of = types.length === 0 ? '' : ` (${types.join(', ')})`;
  return `${name} up to ${megabytes(maxBytesOf(kind, rules))}${of}`;
}

/** What a param takes, in a few words. */
export function takenBy({ type, options, min, max, step }: ModelParam): string {
  if (options.length > 0) return options.join(', ');
  if (type === 'switch') return 'true, false';
  if (type !== 'number') return 'text';
  const steps = step === null ? '' : `, in steps of ${step}`;
  if (min === null && max === null) return `a number${steps}`;
  if (min === null) return `a number, at most ${max}${steps}`;
  return `${max === null ? `a number from ${min} on` : `a number from ${min} to ${max}`}${steps}`;
}

/** A row that `check` takes, and the command that shows it. */
export interface ModelExample {
  /** As an item of JSON Lines has it. */
  row: JsonObject;
  /** For a shell, its lines joined by a backslash. */
  command: string;
}

/** With what the model needs, and one param more that many want to say. */
export function exampleOf(model: Model, program: string): ModelExample {
  const row: JsonObject = { model: model.id };
  if (needsPrompt(model.id)) row.prompt = promptFor(model);
  const params = exampleParams(model);
  if (Object.keys(params).length > 0) row.params = params;
  if (referenceRules(model).presence === 'needed') row.references = ['YOUR-FILE.jpg'];
  return { row, command: commandFor(row, program) };
}

function promptFor({ category }: Model): string {
  switch (category) {
    case 'video':
      return 'A fox trots through fresh snow';
    case 'audio':
      return 'Good evening and welcome';
    case 'chat':
      return 'Write one sentence about foxes';
    default:
      return 'A fox in fresh snow';
  }
}

function exampleParams(model: Model): JsonObject {
  if (!needsPrompt(model.id)) {
    return { dialogue: [{ voice: 'Adam', text: 'Good evening.' }] };
  }
  // A choice without a default is better made than left to the API.
  const isNeeded = ({ required, type, default: usual }: ModelParam) =>
    required || (type === 'select' && usual === null);
  const usual = model.params.find((param) => !isNeeded(param) && param.default !== null);
  const shown = model.params.filter((param) => isNeeded(param) || param === usual);
  return Object.fromEntries(shown.map((param) => [param.key, exampleValue(param)]));
}

function exampleValue({ type, default: usual, options, min, max }: ModelParam): JsonValue {
  const value = usual ?? options[0] ?? null;
  if (type === 'number') return Number(value ?? min ?? max ?? 1);
  return value ?? 'some text';
}

/** The row as a table, so that the columns are seen as well. */
function commandFor({ model, prompt, params, references }: JsonObject, program: string): string {
  const cells: [string, JsonValue][] = [['model', model ?? '']];
  if (prompt !== undefined) cells.push(['prompt', prompt]);
  for (const [key, value] of Object.entries((params ?? {}) as JsonObject)) {
    cells.push([`params.${key}`, value]);
  }
  if (Array.isArray(references)) cells.push(['references', references.join(' | ')]);
  const rows = [cells.map(([column]) => column), cells.map(([, value]) => value)];
  const lines = csvRows(rows).trimEnd().split('\n').map(shellWord);
  return `printf '%s\\n' ${lines.join(' \\\n  ')} |\n  ${program} check - --format csv`;
}
