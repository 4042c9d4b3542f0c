import { stringify } from 'yaml';

/** What goes into a recipe that is made of answers. */
export interface RecipeAnswers {
  /** As the recipe names it. */
  file: string;
  out: string;
  /** Null: ids are hashes of what is made. */
  id: string | null;
  /** Null where rows have their own. */
  prompt: string | null;
  model: string | null;
  references: string | null;
  /** Column without which a row is left out. */
  where: string | null;
  /** How the file is read, by the names of options. */
  reading: Readonly<Record<string, string | number>>;
}

/** What is said beside it. */
export interface RecipeNotes {
  columns: readonly string[];
  /** What the model costs; null where rows name their own. */
  price: string | null;
  params: string | null;
}

/** A recipe with a comment at each thing that its reader may want to change. */
export function recipeText(answers: RecipeAnswers, notes: RecipeNotes): string {
  const { file, out, id, prompt, model, references, where, reading } = answers;
  const parts = [
    [
      '# yaml-language-server: $schema=https://unpkg.com/rivya-batch/docs/recipe.schema.json',
      '# Every key is an option of "run": rivya-batch run --help --all',
    ],
    [
      '# Where the rows are, and where results go; both from this folder.',
      entry('files', file),
      entry('out', out),
      ...Object.entries(reading).map(([key, value]) => entry(key, value)),
    ],
    [
      '# The column that names each row: its files are called so, and it is made once.',
      id === null
        ? '# None is different in all rows, so files are named by a hash. id: COLUMN'
        : entry('id', id),
    ],
    ...(where === null
      ? []
      : [[`# Rows without it are left out: in some it is empty.`, entry('where', where)]]),
    [
      ...hanging('# A column of the row stands between double braces: ', notes.columns.join(', ')),
      prompt === null
        ? '# Rows have their own, in the column "prompt". prompt: ...'
        : entry('prompt', prompt),
    ],
    [
      ...(notes.price === null
        ? ['# Rows name their own, in the column "model".']
        : [`# ${notes.price}. Others: rivya-batch models`]),
      ...(model === null ? [] : [entry('model', model)]),
      ...(notes.params === null ? [] : [`# ${notes.params}`]),
    ],
    [
      '# Pictures that go along with the prompt, from a column with their addresses.',
      references === null ? '# references: COLUMN' : entry('references', references),
    ],
    [
      '# Further: what may be spent, how many of each row, which rows.',
      '# max-credits: 500',
      '# variants: 2',
      '# limit: 20',
    ],
  ];
  return `${parts.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function entry(key: string, value: string | number): string {
  return stringify({ [key]: value }, { lineWidth: 0 }).trimEnd();
}

const longestLine = 100;
const mostLines = 4;

/** Names may hold line breaks, and there may be hundreds. */
function hanging(head: string, text: string): string[] {
  const lines: string[] = [];
  let line = head;
  for (const word of text.replaceAll(/\s+/g, ' ').split(' ')) {
    if (line.length + word.length > longestLine) {
      lines.push(line.trimEnd());
      line = '#   ';
    }
    line += `${word} `;
  }
  lines.push(line.trimEnd());
  return lines.length <= mostLines ? lines : [...lines.slice(0, mostLines), '#   ...'];
}
