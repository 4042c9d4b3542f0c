import { z } from 'zod';
import { messageKinds } from '../../ledger/message-ledger.js';
import { inputFormats } from '../../producer/options.js';

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const texts = z.union([z.string(), z.array(z.string()).min(1)]);
const cap = z.union([z.number().nonnegative(), z.literal('none')]);
const count = z.number().int().positive();
const rate = z.number().positive();

const model = texts.describe('Model id or template; a list makes one brief for each.');
const params = z
  .record(z.string().min(1), z.union([scalar, z.array(scalar).min(1)]))
  .describe(
    'Parameters of the model; values may be templates, and a list makes one brief for each.',
  );
const variants = count.describe('Briefs to make of each, of the same content.');
const conditions = texts.describe('Conditions such as "Status = active", all of which must hold.');

const output = z.strictObject({
  model: model.optional(),
  prompt: z.string().optional().describe('Template, or @file.'),
  params: params.optional(),
  variants: variants.optional(),
  references: z.string().optional().describe('Column with reference media, or template.'),
  when: conditions.optional().describe('Conditions of the row for this output.'),
  after: texts.optional().describe('Outputs that are made first, and whose results this one uses.'),
  approve: z
    .boolean()
    .optional()
    .describe('true: a person looks at it before what comes after it is made.'),
});

/** Where the input is and how it is read. */
const reading = {
  files: texts.describe('Input files, relative to the recipe, or https addresses.'),
  format: z.enum(inputFormats).describe('Where the extension does not tell.'),
  delimiter: z.string().describe('What separates the columns of a CSV.'),
  'header-row': count.describe('Row of a table in which its header is.'),
  sheet: z.string().describe('Which sheet of a workbook is read.'),
  items: z.string().describe('Where the list is in a JSON file, such as data.products.'),
  'fill-down': texts.describe('Columns whose empty cells take the value of the row above.'),
  'fill-down-within': z.string().describe('Values go down only within one value of this column.'),
  where: conditions,
  unique: z.string().describe('Only the first row of each value of this column.'),
  limit: count.describe('Only the first rows.'),
  sample: count.describe('So many rows, spread evenly.'),
  strict: z.boolean().describe('Refuse params that the list of models does not have.'),
  'skip-invalid': z.boolean().describe('Go on without the rows that cannot be used.'),
};

/** What is made of a row. */
const making = {
  id: z.string().describe('Column, or template, that names each brief.'),
  model,
  prompt: z.string().describe('Template, or @file relative to the recipe.'),
  params,
  references: z.string().describe('Column with reference media, or template.'),
  name: z.string().describe('Template for the names of files; {{n}} numbers those of one name.'),
  'keep-html': z.boolean().describe('Leave HTML in a prompt as it is.'),
  variants,
  outputs: z
    .record(z.string().regex(/^[^/\p{Cc}]+$/u, 'may not be empty or hold a slash'), output)
    .describe('Several briefs of each row, by the name that goes into their ids.'),
};

/** How the batch is run. */
const running = {
  batch: z.string().describe("The batch's name."),
  out: z.string().describe('Folder of the results, relative to the recipe.'),
  'max-credits': cap.describe('Credits that this batch may spend in all.'),
  'max-credits-per-day': cap.describe('Credits that all batches of the key may spend in a day.'),
  'min-size': z.string().describe('Pixels that a picture has to have, such as 512x512; or none.'),
  priority: z.int().min(-100).max(100).describe('The batch goes before batches of a lower one.'),
  notify: z.string().describe('Webhook that is told how it ends, and what it waits for.'),
  'notify-on': z
    .union([z.string(), z.array(z.enum(messageKinds)).min(1)])
    .describe('Of what it is told: finished, failed, waiting, approval.'),
  'ask-above': z.number().nonnegative().describe('At a terminal, ask first above so many credits.'),
  rate: rate.describe('Requests a second over all endpoints and machines.'),
  'submit-rate': rate,
  'read-rate': rate,
  'in-flight': count.describe('Accepted and unfinished tasks over all machines.'),
  concurrency: count.describe('HTTP requests at once, per process and stage.'),
  'key-life': rate.describe('Hours for which the API is taken to remember a submission.'),
  wait: z.boolean().describe('false: stop when the account is out of credits.'),
  'log-level': z.string(),
};

/** Everything that `run` can be told, under the names of its options. */
export const recipeSchema = z
  .strictObject({ $schema: z.string(), ...reading, ...making, ...running })
  .partial();

export type Recipe = z.infer<typeof recipeSchema>;
export type RecipeOutput = z.infer<typeof output>;

/** For editors, which complete and check a recipe with it. */
export function recipeJsonSchema(): object {
  const schema = z.toJSONSchema(recipeSchema, { target: 'draft-7' });
  return { ...schema, title: 'A recipe of rivya-batch' };
}
