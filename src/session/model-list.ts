import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundledModels, fillInModels } from '../rivya/catalogue.js';
import { createRivyaClient } from '../rivya/client.js';
import type { ListModelsOutcome, Model } from '../rivya/outcome.js';
import { parseModels } from '../rivya/parse.js';
import { systemClock } from '../shared/clock.js';
import { formatDuration } from '../shared/quantities.js';
import { writeFileDurably } from '../shared/write-file-durably.js';
import type { Settings } from './environment.js';
import { type Teller, userAgent } from './store-session.js';

/** The models as far as they are known, and who says so; `why` the API's own list could not be had. */
export type ModelList = { models: Model[] } & (
  | { from: 'api' }
  | { from: 'kept'; ageMs: number; why: string }
  | { from: 'bundled'; why: string }
);

/** Nobody waits longer than this for a list that there is a copy of. */
const askForMs = 5_000;

/** Asks the API which models there are; without an answer, the last one that it gave, else the list of this release. */
export async function readModelList(settings: Settings): Promise<ModelList> {
  const { origin, proxy, simulatorPort } = settings;
  // Without the key: the list is public.
  const client = createRivyaClient({
    ...{ origin, proxy, userAgent, localPort: simulatorPort ?? undefined },
    apiKey: '',
    requestTimeoutMs: askForMs,
  });
  try {
    const outcome = await client.listModels();
    if (outcome.kind === 'read' && outcome.models.length > 0) {
      await keepModels(settings, { answer: outcome.answer, atMs: systemClock.now() });
      return { from: 'api', models: fillInModels(outcome.models) };
    }
    return await lastList(settings, whyNot(outcome));
  } finally {
    await client.close();
  }
}

/** What is known without asking. */
export async function lastModels(settings: Settings): Promise<Model[]> {
  return (await lastList(settings, 'not asked')).models;
}

async function lastList(settings: Settings, why: string): Promise<ModelList> {
  const kept = await readKeptModels(settings);
  if (kept === null) return { from: 'bundled', models: bundledModels(), why };
  const ageMs = Math.max(0, systemClock.now() - kept.atMs);
  return { from: 'kept', models: kept.models, ageMs, why };
}

function whyNot(outcome: ListModelsOutcome): string {
  switch (outcome.kind) {
    case 'read':
      return 'its list is empty';
    case 'refused':
      return outcome.refusal.code;
    case 'unknown':
    case 'unreachable':
      return outcome.reason.replace(/\.$/, '');
    default:
      return outcome satisfies never;
  }
}

/** The list for a command that a person gave, who is told where it is not the API's own. */
export async function tellModelList(settings: Settings, teller: Teller): Promise<ModelList> {
  const list = await readModelList(settings);
  const note = modelListNote(list);
  if (note !== null) teller.warn(note);
  return list;
}

/** What a person is told where the list is not the API's own; null where it is. */
export function modelListNote(list: ModelList): string | null {
  switch (list.from) {
    case 'api':
      return null;
    case 'kept':
      return `The API did not give its list of models (${list.why}): its list of ${formatDuration(list.ageMs)} ago is used.`;
    case 'bundled':
      return `The API did not give its list of models (${list.why}): the list that came with this version is used.`;
    default:
      return list satisfies never;
  }
}

type KeptWhere = Pick<Settings, 'home' | 'origin'>;

/** Keeps the answer to `GET /models` as it came: a later version may read more out of it. */
async function keepModels(
  where: KeptWhere,
  { answer, atMs }: { answer: unknown; atMs: number },
): Promise<void> {
  const kept = { origin: where.origin, at: new Date(atMs).toISOString(), answer };
  // Where nothing can be kept (a read-only container), the next command asks again.
  await writeFileDurably(pathOf(where), `${JSON.stringify(kept)}\n`).catch(() => undefined);
}

/** The last list that the API gave to a command with this home folder; null where there is none that can be read. */
async function readKeptModels(where: KeptWhere): Promise<{ models: Model[]; atMs: number } | null> {
  const text = await readFile(pathOf(where), 'utf8').catch(() => null);
  if (text === null) return null;
  const kept = parseKept(text);
  if (kept === null || kept.origin !== where.origin) return null;
  const models = parseModels(kept.answer);
  const atMs = Date.parse(kept.at);
  if (models === null || models.length === 0 || Number.isNaN(atMs)) return null;
  return { models: fillInModels(models), atMs };
}

function pathOf({ home, origin }: KeptWhere): string {
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
