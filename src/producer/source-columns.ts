import { BatchError } from '../shared/errors.js';
import { isSameList } from './column-plan.js';
import type { Mapping } from './mapping.js';
import { nestedPaths, pathTo } from './nested-paths.js';
import type { Row } from './row.js';
import type { Source } from './source.js';
import { suggestName } from './suggest-name.js';
import { unknownFilter } from './template/filters.js';

/** JSON keys that are different in every item must not fill the memory; more than this helps nobody. */
const MOST_NAMES_KEPT = 1000;

/**
 * Which columns a file has, to tell a column that is missing altogether (one fault of the file)
 * from one that is empty in some rows (a fault of each).
 */
export class SourceColumns {
  readonly #names = new Set<string>();
  #latest: readonly string[] = [];
  #wanted: Mapping['needed'];
  #lacksPrompt = false;
  #isTable = false;
  /** Of the first item of JSON in which something is missing. */
  #paths: string[] | null = null;

  constructor(
    private readonly mapping: Mapping,
    private readonly source: Source,
  ) {
    this.#wanted = mapping.needed;
  }

  /** @throws BatchError `bad_input` at once for a table, whose first row shows all of its columns. */
  note(row: Row): void {
    if (this.#wanted.length > 0) {
      this.#wanted = this.#wanted.filter(({ column }) => row.find(column) === undefined);
      if (this.#wanted.length > 0) this.#paths ??= row.kind === 'json' ? nestedPaths(row) : [];
    }
    if (isSameList(this.#latest, row.columns)) return;
    this.#latest = row.columns;
    for (const column of row.columns) this.#add(column);
    this.#isTable = row.kind === 'text';
    if (this.#isTable) this.check();
  }

  /** @throws BatchError `bad_input` at once where a row of a table wants a prompt and no column has one. */
  noteMissingPrompt(row: Row): void {
    this.#lacksPrompt = true;
    if (row.kind === 'text') this.check();
  }

  /** To be called when all rows have been noted; every missing column in one error. */
  check(): void {
    const names = [...this.#names];
    if (names.length === 0) return;
    const faults: string[] = [];
    const { label } = this.source;
    const wanted = this.#wanted.filter(({ need }) => need === 'always' || this.#isTable);
    for (const { column, option } of wanted) {
      const reason = `${option} needs a column "${column}", and there is none: ${this.#suggestion(column)}`;
      faults.push(`${label}: ${reason}`);
    }
    const { model, prompt, outputs } = this.mapping;
    const wantsModel = model === null && outputs.some((output) => output.model === null);
    if (wantsModel && !this.#names.has('model')) {
      faults.push(`${label}: no row says which model: add a column "model", or give --model.`);
    }
    const wantsPrompt = prompt === null && outputs.some((output) => output.prompt === null);
    if (this.#lacksPrompt && wantsPrompt && !this.#names.has('prompt')) {
      faults.push(`${label}: no row has a prompt: add a column "prompt", or give --prompt.`);
    }
    if (faults.length > 0) throw new BatchError('bad_input', faults.join('\n'));
  }

  /** A name with a `|` in it is more likely a filter that is written wrongly. */
  #suggestion(column: string): string {
    const filter = column.split('|')[1];
    if (filter !== undefined) return `${unknownFilter(filter.replace(/:.*$/s, '').trim())}.`;
    const paths = this.#paths ?? [];
    const path = pathTo(column, paths);
    return path === undefined
      ? suggestName(column, [...this.#names, ...paths])
      : `did you mean "${path}"?`;
  }

  #add(column: string): void {
    const isAlwaysKept = column === 'model' || column === 'prompt';
    if (isAlwaysKept || this.#names.size < MOST_NAMES_KEPT) this.#names.add(column);
  }
}
