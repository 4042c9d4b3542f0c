import { existsSync } from 'node:fs';
import { confirm, isCancel, select, text } from '@clack/prompts';
import { parseTemplate } from '../../producer/template/template.js';
import type { Model } from '../../rivya/outcome.js';
import { isUrl } from '../../shared/addresses.js';
import { BatchError } from '../../shared/errors.js';
import {
  type Answers,
  type AskInit,
  modelsFor,
  priceText,
  proposePrompt,
  takes,
} from '../commands/propose-recipe.js';
import type { Terminal } from './terminal.js';

/** Somebody at the terminal, asked one thing after the other; each question has an answer already. */
export function askInit(terminal: Terminal): AskInit {
  return {
    file: async (there) => {
      const other = '\0';
      const chosen =
        there.length === 0
          ? other
          : await answered(
              select({
                message: 'Which table?',
                options: [
                  ...there.map((name) => ({ value: name, label: name })),
                  { value: other, label: 'another file, or an https address' },
                ],
              }),
            );
      if (chosen !== other) return chosen;
      return answered(
        text({ message: 'Which file?', placeholder: 'products.csv', validate: fileFault }),
      );
    },
    answer: async (proposal, { look, models }) => {
      const id = await answered(
        select<string | null>({
          message: 'Which column names each row?',
          initialValue: proposal.id,
          maxItems: 8,
          options: [
            { value: null, label: 'none', hint: 'files are named by a hash' },
            ...look.columns.map((column) => ({ value: column, label: column })),
          ],
        }),
      );
      const model =
        proposal.model === null ? null : await askModel(proposal.model, { look, models });
      const asPictures =
        model !== null && look.pictures !== null && takes(model, look.pictures.most);
      const references =
        asPictures &&
        (await answered(
          confirm({ message: `Send the pictures of column "${look.pictures?.column}" along?` }),
        ))
          ? (look.pictures?.column ?? null)
          : null;
      const prompt =
        proposal.prompt === null
          ? null
          : await answered(
              text({
                message: 'The prompt; {{column}} is what a row has there',
                initialValue: proposePrompt(look, model, references),
                validate: promptFault,
              }),
            );
      const recipe = await answered(
        text({ message: 'Where is the recipe written?', initialValue: proposal.recipe }),
      );
      terminal.print('');
      return { id, model, references, prompt, recipe } satisfies Answers;
    },
    mayOverwrite: (recipe) =>
      answered(
        confirm({ message: `${recipe} is there already. Write over it?`, initialValue: false }),
      ),
  };
}

async function askModel(
  proposed: Model,
  { look, models }: Parameters<AskInit['answer']>[1],
): Promise<Model> {
  const most = look.pictures?.most;
  const cheapest = [
    ...modelsFor('image', models).slice(0, 4),
    ...(most === undefined
      ? []
      : modelsFor('image', models)
          .filter((one) => takes(one, most))
          .slice(0, 3)),
    ...['chat', 'video', 'audio'].flatMap((kind) => modelsFor(kind, models).slice(0, 1)),
  ];
  const listed = [proposed, ...cheapest.filter((model) => model !== proposed)];
  const options = [...new Set(listed)].map((model) => {
    const along =
      most !== undefined && takes(model, most) ? ', takes the pictures of the rows' : '';
    return { value: model.id, label: priceText(model, look), hint: `${model.category}${along}` };
  });
  const id = await answered(
    select({ message: 'Which model? ("rivya-batch models" lists them)', options, maxItems: 10 }),
  );
  return listed.find((model) => model.id === id) ?? proposed;
}

function fileFault(path: string | undefined): string | undefined {
  const isThere = path !== undefined && path !== '' && (isUrl(path) || existsSync(path));
  return isThere ? undefined : 'There is no such file.';
}

function promptFault(prompt: string | undefined): string | undefined {
  if (!prompt) return 'It may not be empty.';
  try {
    parseTemplate(prompt, 'prompt');
    return undefined;
  } catch (error) {
    if (error instanceof BatchError) return error.message;
    throw error;
  }
}

/** @throws BatchError `usage` after Ctrl+C, with nothing written */
async function answered<Answer>(question: Promise<Answer>): Promise<Exclude<Answer, symbol>> {
  const answer = await question;
  if (!isCancel(answer)) return answer as Exclude<Answer, symbol>;
  throw new BatchError('usage', 'Nothing was written.');
}
