import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fillInModels } from '../rivya/catalogue/fill-in-models.js';
import type { Model } from '../rivya/outcome.js';
import { parseModels } from '../rivya/parse-models.js';
import { writeFileDurably } from '../shared/write-file-durably.js';
import type { Settings } from './environment.js';

type Place = Pick<Settings, 'home' | 'origin'>;

/** Keeps the answer to `GET /models` as it came: a later version may read more out of it. */
export async function keepModels(
  place: Place,
  { answer, atMs }: { answer: unknown; atMs: number },
): Promise<void> {
  const kept = { origin: place.origin, at: new Date(atMs).toISOString(), answer };
  // Where nothing can be kept (a read-only container), the next command asks again.
  await writeFileDurably(pathOf(place), `${JSON.stringify(kept)}\n`).catch(() => undefined);
}

/** The last list that the API gave to a command with this home folder; null where there is none that can be read. */
export async function readKeptModels(
  place: Place,
): Promise<{ models: Model[]; atMs: number } | null> {
  const text = await readFile(pathOf(place), 'utf8').catch(() => null);
  if (text === null) return null;
  const kept = parseKept(text);
  if (kept === null || kept.origin !== place.origin) return null;
  const models = parseModels(kept.answer);
  const atMs = Date.parse(kept.at);
  if (models === null || models.length === 0 || Number.isNaN(atMs)) return null;
  return { models: fillInModels(models), atMs };
}

function pathOf({ home, origin }: Place): string {
  return join(home, `models-${origin.replace(/[^\w.-]+/g, '_')}.json`);
}

function parseKept(text: string): { origin: string; at: string; answer: unknown } | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return null;
    const { origin, at, answer } = value as Record<string, unknown>;
    return typeof origin === 'string' && typeof at === 'string' ? { origin, at, answer } : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
