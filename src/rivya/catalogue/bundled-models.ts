import { readFileSync } from 'node:fs';
import type { Model } from '../outcome.js';
import { parseModels } from '../parse-models.js';

let parsed: Model[] | null = null;

/** The model list as of this release, for work without a network; the API's own list is newer. */
export function bundledModels(): Model[] {
  parsed ??= readBundled();
  return parsed;
}

function readBundled(): Model[] {
  const file = new URL('./models.json', import.meta.url);
  const models = parseModels(JSON.parse(readFileSync(file, 'utf8')));
  if (models === null) throw new Error('models.json of this package holds no list of models.');
  return models;
}
