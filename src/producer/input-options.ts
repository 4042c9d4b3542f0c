import type { Readable } from 'node:stream';
import type { Model } from '../rivya/outcome.js';
import type { HtmlRule } from './template.js';

export type InputFormat = 'csv' | 'tsv' | 'json' | 'jsonl';

/** One `--param`, such as `--param aspect_ratio={{aspect}}`. */
interface ParamOption {
  key: string;
  template: string;
}

/**
 * What turns files into briefs. Where a row and an option both say something:
 * `prompt` and `id` win over the row's own columns of that name, which are then the user's and stay in `input`;
 * `model` and `params` are defaults: a row that gives its own keeps it.
 */
export interface InputOptions {
  /** Paths; `-` is stdin, which is spooled to disk first. */
  files: string[];
  stdin?: Readable;
  /** Null: by extension. */
  format: InputFormat | null;
  /** For CSV and TSV; `tab` and `\t` are understood. Null: by format and header line. */
  delimiter: string | null;
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
  /** A column, several separated by `|`, or a template that gives such a list; absent or null: a column `references`. */
  references?: string | null;
  /** A template for the names of files, `{{n}}` being the picture's number in its row; absent or null: the ids. */
  fileName?: string | null;
  /** From 1; above 1 each row makes briefs `id/1` to `id/N` of the same content. */
  variants: number;
  /** The first rows of the whole input, bad ones included; null for all. */
  limit: number | null;
  /** The catalogue; a model that it lacks is passed on unchecked, because the catalogue changes. */
  models: Model[];
}
