import { z } from 'zod';
import bundledModels from '../rivya/models.json' with { type: 'json' };
import { BatchError } from '../shared/errors.js';
import type { Settings } from './settings.js';

const paramSchema = z.looseObject({
  key: z.string(),
  type: z.string().nullable(),
  required: z.boolean(),
  default: z.unknown(),
  min: z.number().nullable(),
  max: z.number().nullable(),
  options: z.array(z.string()).nullable(),
});

/** What the simulator itself needs of an item; the rest is listed as it is. */
const modelSchema = z.looseObject({
  id: z.string(),
  category: z.string(),
  base_credits: z.number().nullable().default(1),
  max_prompt_length: z.number().nullable().default(null),
  api_status: z.string().nullable().default('available'),
  api_input_status: z.string().nullable().default('available_text'),
  file_kinds: z.array(z.string()).nullable().default(null),
  params: z.array(paramSchema).default([]),
});

export type ListedModel = z.infer<typeof modelSchema>;
export type ModelParameter = z.infer<typeof paramSchema>;

/**
 * The model list as `GET /models` gives it, by id, with the settings' changes put over it.
 *
 * @throws BatchError `bad_configuration` for an item that the simulator could not serve.
 */
export function buildCatalogue(changes: Settings['models']): Map<string, ListedModel> {
  const items = new Map<string, unknown>(bundledModels.map((model) => [model.id, model]));
  for (const [id, change] of Object.entries(changes)) {
    if (change === null) items.delete(id);
    else items.set(id, { category: 'image', ...(items.get(id) ?? {}), ...change, id });
  }
  return new Map([...items].map(([id, item]) => [id, readItem(id, item)]));
}

function readItem(id: string, item: unknown): ListedModel {
  const parsed = modelSchema.safeParse(item);
  if (parsed.success) return parsed.data;
  const faults = z.prettifyError(parsed.error);
  throw new BatchError('bad_configuration', `Simulator model "${id}": ${faults}`);
}
