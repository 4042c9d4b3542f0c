import { z } from 'zod';
import type { JsonObject, JsonValue } from '../shared/json.js';
import type { ColumnPlan } from './column-plan.js';
import type { Mapping } from './mapping.js';
import { isJsonObject, type OwnFields, splitReferences, splitUrls } from './own-fields.js';
import type { RowFault } from './rejection.js';
import type { Row } from './row.js';
import { textOf } from './template.js';

const EXACT_NUMBER = 'is too large a number to be kept exactly: write it in quotes';

const fieldSchemas = {
  id: z
    .union([z.string(), z.number().refine((id) => textOf(id) !== null, { error: EXACT_NUMBER })], {
      error: 'must be text or a whole number',
    })
    .nullish(),
  model: z.string({ error: 'must be text' }).nullish(),
  prompt: z.string({ error: 'must be text' }).nullish(),
  params: z.custom<JsonObject>(isJsonObject, { error: 'must be an object' }).nullish(),
  references: z
    .union([z.string(), z.array(z.string())], { error: 'must be a list of paths or URLs' })
    .nullish(),
};

const itemSchema = z.object(fieldSchemas);
type Field = keyof typeof fieldSchemas;

const NO_TEXT_PARAMS: OwnFields['textParams'] = [];

/** Reads our keys from a JSON item, strictly: null with faults where one has the wrong type. */
export function readJsonFields(
  row: Row,
  { plan, mapping }: { plan: ColumnPlan; mapping: Mapping },
  faults: RowFault[],
): OwnFields | null {
  const own = (field: Field | 'metadata') =>
    mapping.ownColumns.has(field) ? row.get(field) : undefined;
  const parsed = itemSchema.safeParse({
    id: own('id'),
    model: own('model'),
    prompt: own('prompt'),
    params: own('params'),
    references: own('references'),
  });
  if (!parsed.success) {
    faults.push(...parsed.error.issues.map(faultOf));
    return null;
  }
  const { id, model, prompt, params, references } = parsed.data;
  return {
    id: textOf(id ?? undefined),
    model: model ?? null,
    prompt: prompt ?? null,
    params: withParamKeys(params ?? {}, row, plan),
    textParams: NO_TEXT_PARAMS,
    references:
      typeof references === 'string'
        ? splitReferences(references)
        : (references ?? []).flatMap(splitUrls),
    metadata: own('metadata') ?? null,
  };
}

function faultOf({ path, message }: { path: PropertyKey[]; message: string }): RowFault {
  const column = String(path[0] ?? '');
  return { kind: 'wrong_type', column, reason: `${column} ${message}` };
}

/** `params.<key>` says more exactly what is meant than `params`, so it wins. */
function withParamKeys(params: JsonObject, row: Row, plan: ColumnPlan): JsonObject {
  if (plan.params.length === 0) return params;
  const merged = { ...params };
  for (const { column, key } of plan.params) {
    const value: JsonValue = row.get(column) ?? null;
    if (value !== null && value !== '') merged[key] = value;
  }
  return merged;
}
