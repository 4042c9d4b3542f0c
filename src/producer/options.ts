import type { Readable } from 'node:stream';
import type { Model } from '../rivya/outcome.js';
import type { FetchReference } from './references/files.js';
import type { HtmlRule } from './template/template.js';

export const inputFormats = ['csv', 'tsv', 'json', 'jsonl', 'xlsx'] as const;
export type InputFormat = (typeof inputFormats)[number];

export interface FetchedSource {
  /** The last part of its path. */
  name: string;
  /** What its address says, else the type that its server declares; null where neither tells. */
  format: InputFormat | null;
}

/** Fetches what is at an address into a new file; of a workbook online, the sheet that is asked for. */
export type FetchSource = (
  url: string,
  wanted: { path: string; sheet: string | null },
) => Promise<FetchedSource>;

/** One `--param`, such as `--param aspect_ratio={{aspect}}`. */
export interface ParamOption {
  key: string;
  template: string;
}

/** One of several briefs that a recipe makes of each row; what it says itself wins over row and options. */
export interface OutputOption {
  /** Goes into the id, as in `sku-1/white`. */
  name: string;
  model: string | null;
  prompt: string | null;
  params: ParamOption[];
  /** Of its own, as `InputOptions.references`; null: those of all outputs. */
  references: string | null;
  variants: number | null;
  /** Conditions of the row, all of which must hold. */
  when: string[];
  /** Outputs of the same row that are made first, and whose results it may use. */
  after: string[];
  /** Whether a person looks at what it makes before anything that comes after it is made. */
  approve: boolean;
}

/**
 * What turns files into briefs. Where a row and an option both say something:
 * `prompt` and `id` win over the row's own columns of that name, which are then the user's and stay in `input`;
 * `model` and `params` are defaults: a row that gives its own keeps it.
 */
export interface InputOptions {
  /** Paths and addresses; `-` is stdin, which is spooled to disk first. */
  files: string[];
  stdin?: Readable;
  /** Null: by extension. */
  format: InputFormat | null;
  /** For CSV and TSV; `tab` and `\t` are understood. Null: by format and header line. */
  delimiter: string | null;
  /** The row of a table, from 1, in which its header is; absent or null: the first that has anything in it. */
  headerRow?: number | null;
  /** Of a workbook; absent or null: the first that is shown. */
  sheet?: string | null;
  /** An id or a template. */
  model: string | null;
  /** A template such as `Photo of {{Title (en)}}`. */
  prompt: string | null;
  /** The file that the prompt was read from, to name it in a fault. */
  promptFile?: string | null;
  /** What becomes of HTML that fills the prompt; absent: text. */
  html?: HtmlRule;
  /** A column's name, or a template where it contains `{{`. */
  id: string | null;
  params: ParamOption[];
  /** Empty: one brief of each row, as the options above say. */
  outputs?: OutputOption[];
  /** Where a recipe says this of an output, as a fault's sentence begins. */
  placeOf?: (output: string, key: string) => string;
  /** A column, several separated by `|`, or a template that gives such a list; absent or null: a column `references`. */
  references?: string | null;
  /** A template for the names of files, `{{n}}` being the number among those of one name; absent or null: the ids. */
  fileName?: string | null;
  /** From 1; above 1 each row makes briefs `id/1` to `id/N` of the same content. */
  variants: number;
  /** Columns whose empty cells take the value of the row above. */
  fillDown?: string[];
  /** Values go down only between rows that have the same value in this column. */
  fillDownWithin?: string | null;
  /** Conditions that a row must meet, all of them; others are left out. */
  where?: string[];
  /** Only the first row of each value of this column. */
  unique?: string | null;
  /** The first rows that are not left out, bad ones included; null for all. */
  limit: number | null;
  /** So many rows, spread evenly over those that `limit` leaves. */
  sample?: number | null;
  /** Where the list of briefs is in a JSON file, such as `data.products`; null: the file, or its only list. */
  items?: string | null;
  /** The catalogue; rows of a model that it lacks are not checked further, because the catalogue changes. */
  models: Model[];
  /** What is unknown only gets a warning unless said. */
  checks?: InputChecks;
  /** Where relative references of each file begin, where that is not its own folder; null: it has none. */
  folders?: readonly (string | null)[];
  /** For models that take references only as uploads; absent: such URLs make a row a rejected one. */
  fetchReference?: FetchReference;
  /** For inputs at an address; absent: there may be none. */
  fetchSource?: FetchSource;
}

export interface InputChecks {
  /** Whether a model that the list lacks is one that there is not. */
  unknownModels: 'refuse' | 'warn';
  unknownParams: 'refuse' | 'warn';
}

/** A list of models, and who says so: the API itself just now, or a copy. */
export interface ListedModels {
  models: Model[];
  from: 'api' | 'kept' | 'bundled';
}

export const lenientChecks: InputChecks = { unknownModels: 'warn', unknownParams: 'warn' };

/** A copy may lack a model that there is by now; a param may be new whoever lists it. */
export function chooseChecks(
  { from }: ListedModels,
  { strict }: { strict?: boolean | undefined },
): InputChecks {
  return {
    unknownModels: from === 'api' ? 'refuse' : 'warn',
    unknownParams: strict ? 'refuse' : 'warn',
  };
}
