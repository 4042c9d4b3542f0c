import { basename } from 'node:path';
import type { TableLook } from '../../producer/look-at-table.js';
import { namedModel } from '../../producer/outputs/checks.js';
import { referenceRules } from '../../producer/references/rules.js';
import type { Model } from '../../rivya/outcome.js';
import { isUrl } from '../../shared/addresses.js';
import { formatCredits } from '../../shared/quantities.js';
import type { ReadingFlags } from '../options/flags.js';

export type InitFlags = Pick<
  ReadingFlags,
  'format' | 'delimiter' | 'headerRow' | 'sheet' | 'items'
> &
  Pick<ReadingFlags, 'id' | 'model' | 'prompt' | 'references' | 'recipe'> & {
    out?: string;
    yes: boolean;
  };

/** What is asked for, and what is answered where nobody is asked. */
export interface Answers {
  id: string | null;
  prompt: string | null;
  /** Null where rows name their own. */
  model: Model | null;
  references: string | null;
  recipe: string;
}

/** Whoever asks. */
export interface AskInit {
  file(there: readonly string[]): Promise<string>;
  answer(proposal: Answers, known: { look: TableLook; models: readonly Model[] }): Promise<Answers>;
  mayOverwrite(recipe: string): Promise<boolean>;
}

/** What is made of a table where nobody says otherwise. @throws BatchError `usage` */
export function propose(
  file: string,
  look: TableLook,
  { models, flags }: { models: readonly Model[]; flags: InitFlags },
): Answers {
  const model = proposeModel(look, models, flags);
  const takesPictures =
    model !== null && look.pictures !== null && takes(model, look.pictures.most);
  const references = flags.references ?? (takesPictures ? (look.pictures?.column ?? null) : null);
  const prompt = flags.prompt ?? (look.has.prompt ? null : proposePrompt(look, model, references));
  const stem = basename(isUrl(file) ? new URL(file).pathname : file)
    .replace(/\.gz$/i, '')
    .replace(/\.[^.]*$/, '');
  return {
    ...{ id: flags.id ?? look.id, prompt, model, references },
    recipe: flags.recipe ?? `${stem || 'recipe'}.yaml`,
  };
}

/** The cheapest for pictures: with those of the rows, where they have some. @throws BatchError `usage` */
function proposeModel(look: TableLook, models: readonly Model[], flags: InitFlags): Model | null {
  if (flags.model !== undefined) return namedModel(flags.model, models);
  if (look.has.model) return null;
  const usable = modelsFor('image', models);
  const most = look.pictures?.most;
  const [first] = most === undefined ? usable : usable.filter((model) => takes(model, most));
  return first ?? usable[0] ?? null;
}

/** Those of a kind that a row and a prompt are enough for, the cheapest first. */
export function modelsFor(category: string, models: readonly Model[]): Model[] {
  return models
    .filter((model) => {
      const isReady = model.apiStatus === null || model.apiStatus === 'available';
      const isEnough = model.params.every(({ required }) => !required);
      return model.category === category && isReady && isEnough && model.requiresFilesApi !== true;
    })
    .sort((left, right) => (left.baseCredits ?? 1e9) - (right.baseCredits ?? 1e9));
}

/** Whether it says itself that so many addresses of pictures may go along with a prompt. */
export function takes(model: Model, count: number): boolean {
  const { presence, kinds, maxFiles, urls } = referenceRules(model);
  const isListed = kinds?.includes('image') === true && maxFiles !== null && maxFiles >= count;
  return presence !== 'refused' && urls === 'passed_on' && isListed;
}

export function proposePrompt(
  look: TableLook,
  model: Model | null,
  references: string | null,
): string {
  const title = look.title === null ? (look.id ?? look.columns[0] ?? '') : look.title.column;
  const what = `{{${title}}}`;
  switch (model?.category) {
    case 'chat':
      return `Write a product description of two sentences for: ${what}`;
    case 'video':
      return `A slow camera move around ${what}, on a plain white background`;
    case 'audio':
      return what;
    default:
      return references === null
        ? `Studio photo of ${what}, on a plain white background`
        : `${what}, as in the reference picture: a studio photo on a plain white background`;
  }
}

/** `z-image: 1 credit for each of them before the API tells its price, 68 credits for the file`. */
export function priceText({ id, baseCredits }: Model, { named }: TableLook): string {
  if (baseCredits === null) return `${id}: its price is not in the list`;
  const whole = `${named.kind === 'about' ? 'about ' : ''}${formatCredits(baseCredits * named.count)}`;
  return `${id}: from ${formatCredits(baseCredits)} a row, ${whole} for the file`;
}
