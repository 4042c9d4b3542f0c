import { BatchError } from '../../shared/errors.js';
import { shellWord } from '../../shared/quantities.js';
import type { Mapping } from '../mapping/mapping.js';
import type { RowFault } from '../rejection.js';
import { repeatsOf } from '../sources/read-csv.js';
import type { Source } from '../sources/source.js';
import { likelyHeaderRow, rowWithNames } from '../sources/table-shape.js';
import { unknownFilter } from '../template/filters.js';
import { textOf } from '../template/template.js';
import type { InputWarnings } from '../warnings.js';
import { isBlank, spelling } from './cell-text.js';
import { IdCandidates } from './id-candidates.js';
import { isSameList } from './read-fields.js';
import { ColumnNames, nestedPaths, pathTo, type Row } from './row.js';
import { didYouMean, suggestName } from './suggest-name.js';

/** JSON keys that are different in every item must not fill the memory; more than this helps nobody. */
const MOST_NAMES_KEPT = 1000;

/**
 * Which columns a file has, to tell a column that is missing altogether (one fault of the file)
 * from one that is empty in some rows (a fault of each), and what its columns suggest to type.
 */
export class SourceColumns {
  readonly #names = new Set<string>();
  readonly #ids = new IdCandidates();
  readonly #groups: GroupedRows;
  #latest: readonly string[] = [];
  #wanted: Mapping['needed'];
  #lacksPrompt = false;
  #isTable = false;
  /** Of the first item of JSON in which something is missing. */
  #paths: string[] | null = null;

  constructor(
    private readonly mapping: Mapping,
    private readonly source: Source,
    private readonly warnings: InputWarnings,
  ) {
    this.#wanted = mapping.needed;
    this.#groups = new GroupedRows(mapping, source, warnings);
  }

  /** @throws BatchError `bad_input` at once for a table, whose first row shows all of its columns. */
  note(row: Row): void {
    if (this.#wanted.length > 0) {
      this.#wanted = this.#wanted.filter(({ column }) => row.find(column) === undefined);
      if (this.#wanted.length > 0) this.#paths ??= row.kind === 'json' ? nestedPaths(row) : [];
    }
    if (this.mapping.id === null) this.#ids.note(row);
    if (isSameList(this.#latest, row.columns)) return;
    this.#latest = row.columns;
    for (const column of row.columns) this.#add(column);
    this.#isTable = row.kind === 'text';
    if (this.#isTable) this.check();
  }

  /** A row of which something is made, in its order. */
  noteMade(row: Row): void {
    if (row.kind === 'text') this.#groups.note(row);
  }

  /** @throws BatchError `bad_input` at once where a row of a table wants a prompt and no column has one. */
  noteRefused(row: Row, faults: readonly RowFault[]): void {
    if (row.kind === 'text') this.#groups.noteRefused(row, faults);
    if (faults.every(({ kind }) => kind !== 'no_prompt')) return;
    this.#lacksPrompt = true;
    if (row.kind === 'text') this.check();
  }

  /** To be called when all rows have been noted. */
  finish(): void {
    this.check();
    const { fileName, id, ownColumns } = this.mapping;
    const { warnings } = this;
    const isNamed = id !== null || fileName !== null || this.#names.has('id');
    const isOurs = (name: string) => ownColumns.has(name) || name.startsWith('params.');
    if (!isNamed && [...this.#names].some((name) => !isOurs(name))) {
      warnings.note({ rule: 'no_id' }, null, () => this.#idReason());
    }
    const { table } = this.source;
    const header = table && likelyHeaderRow(table, table.headerRow);
    if (header !== null) {
      warnings.note({ rule: 'header_row' }, null, () => headerReason(header));
    }
  }

  /** Every missing column in one error. */
  check(): void {
    const names = [...this.#names];
    if (names.length === 0) return;
    const { label } = this.source;
    const wanted = this.#wanted.filter(({ need }) => need === 'always' || this.#isTable);
    const faults = this.#repeatedFaults(names);
    const missing = wanted.map(({ column }) => column);
    const { model, prompt, outputs } = this.mapping;
    const wantsModel = model === null && outputs.some((output) => output.model === null);
    if (wantsModel && !this.#names.has('model')) {
      missing.push('model');
      faults.push(`no row says which model: ${this.#wayTo('model')}`);
    }
    const wantsPrompt = prompt === null && outputs.some((output) => output.prompt === null);
    if (this.#lacksPrompt && wantsPrompt && !this.#names.has('prompt')) {
      missing.push('prompt');
      faults.push(`no row has a prompt: ${this.#wayTo('prompt')}`);
    }
    const header = this.#headerElsewhere(missing);
    faults.unshift(
      ...wanted.map(({ column, option }) => {
        const there = `${option} needs a column "${column}", and there is none`;
        return header === null ? `${there}: ${this.#suggestion(column)}` : `${there}.`;
      }),
    );
    if (faults.length === 0) return;
    if (header !== null) faults.push(`${headerReason(header)}.`);
    if (this.mapping.id === null && isShopExport(names)) faults.push(`${shopReason}.`);
    throw new BatchError('bad_input', faults.map((fault) => `${label}: ${fault}`).join('\n'));
  }

  /** A column of ours that the header has more than once cannot be told from its namesake. */
  #repeatedFaults(names: readonly string[]): string[] {
    const params = names.flatMap((name) => /^(params\..+) \(1\)$/.exec(name)?.[1] ?? []);
    return [...this.mapping.ownColumns, ...params].flatMap((own) => {
      const repeats = repeatsOf(own, names);
      return repeats.length === 0 ? [] : [`the header names "${own}" ${repeats.length} times.`];
    });
  }

  #wayTo(own: 'model' | 'prompt'): string {
    const near = new ColumnNames([...this.#names]).resolve(own);
    if (near !== null) {
      return `the column "${near}" is taken by --${own} ${shellWord(hole(near))}.`;
    }
    const title = [...this.#names].find((name) =>
      ['title', 'name', 'productname', 'itemname'].includes(
        spelling(name).replaceAll(/[^\p{L}]/gu, ''),
      ),
    );
    if (own === 'model') {
      return 'add a column "model", or give --model ("rivya-batch models" lists them).';
    }
    const example = title === undefined ? '' : `, such as ${shellWord(`Photo of ${hole(title)}`)}`;
    return `add a column "prompt", or give --prompt${example}.`;
  }

  /** Null where the header is where it is looked for, as far as that can be seen. */
  #headerElsewhere(missing: readonly string[]): number | null {
    const { table } = this.source;
    if (table === null) return null;
    const { headerRow } = table;
    return rowWithNames(table, missing, headerRow) ?? likelyHeaderRow(table, headerRow);
  }

  #idReason(): string {
    const names = [...this.#names];
    if (isShopExport(names)) return shopReason;
    const near = new ColumnNames(names).resolve('id');
    const [best, ...others] = [...(near === null ? [] : [near]), ...this.#ids.list()].filter(
      (name, at, all) => all.indexOf(name) === at,
    );
    const named = 'no column is called "id", so files are named by a hash';
    if (best === undefined) return `${named}; --id COLUMN would name them`;
    const or = others.slice(0, 2).map((name) => ` or --id ${shellWord(name)}`);
    return `${named}; --id ${shellWord(best)}${or.join('')} would name them by that column`;
  }

  /** A name with a `|` in it is more likely a filter that is written wrongly. */
  #suggestion(column: string): string {
    const filter = column.split('|')[1];
    if (filter !== undefined) return `${unknownFilter(filter.replace(/:.*$/s, '').trim())}.`;
    const repeats = repeatsOf(column, [...this.#names]);
    if (repeats.length > 0) {
      return `the header has that name ${repeats.length} times, and they are called "${repeats[0]}" to "${repeats.at(-1)}".`;
    }
    const paths = this.#paths ?? [];
    const path = pathTo(column, paths);
    return path === undefined
      ? suggestName(column, [...this.#names, ...paths])
      : didYouMean([path]);
  }

  #add(column: string): void {
    const isAlwaysKept = column === 'model' || column === 'prompt';
    if (isAlwaysKept || this.#names.size < MOST_NAMES_KEPT) this.#names.add(column);
  }
}

function headerReason(row: number): string {
  return `the header seems to be in row ${row}: --header-row ${row}`;
}

/** As a template names the column. */
export function hole(column: string): string {
  return /[|{}"']/.test(column) ? `{{ [${JSON.stringify(column)}] }}` : `{{${column}}}`;
}

const shopReason =
  'these are the columns of a Shopify export: --id Handle names its products, and --fill-down Title --fill-down-within Handle gives the rows of their variants the title';

function isShopExport(names: readonly string[]): boolean {
  const has = (name: string) => names.includes(name);
  return (
    has('Handle') &&
    has('Title') &&
    ['Variant SKU', 'Option1 Value', 'Option1 Name', 'Body (HTML)', 'Image Src'].some(has)
  );
}

/**
 * Rows that belong to the one above them, as those of a product's variants do, and leave empty what only the first of
 * them says: told with the option that hands it down.
 */
class GroupedRows {
  /** Of each column that is always needed: the group of the last row that had something in it. */
  readonly #filled = new Map<string, string>();
  readonly #columns: readonly string[];

  constructor(
    private readonly mapping: Mapping,
    private readonly source: Source,
    private readonly warnings: InputWarnings,
  ) {
    const fillsDown = mapping.needed.some(({ option }) => option === '--fill-down');
    const needed = mapping.needed.filter(({ need }) => need === 'always');
    this.#columns = fillsDown ? [] : [...new Set(needed.map(({ column }) => column))];
  }

  note(row: Row): void {
    if (this.#columns.length === 0) return;
    const group = this.#groupOf(row);
    if (group === null) return;
    for (const column of this.#columns) {
      const text = textOf(row.find(column)) ?? '';
      if (!isBlank(text)) this.#filled.set(column, group.value);
    }
  }

  noteRefused(row: Row, faults: readonly RowFault[]): void {
    if (this.#columns.length === 0) return;
    const group = this.#groupOf(row);
    if (group === null) return;
    const position = { source: this.source.name, row: row.number };
    for (const { kind, column } of faults) {
      if (kind !== 'empty_value' || column === null) continue;
      if (this.#filled.get(column) !== group.value) continue;
      const name = shellWord(row.nameOf(column) ?? column);
      this.warnings.note({ rule: 'empty_below', column }, position, () => {
        return `"${column}" is empty below a row of the same "${group.column}" that has it: --fill-down ${name} --fill-down-within ${shellWord(group.column)}`;
      });
    }
  }

  #groupOf(row: Row): { column: string; value: string } | null {
    const [ofId] = this.mapping.id?.columns ?? [];
    const column = row.nameOf('Handle') ?? (ofId === undefined ? null : row.nameOf(ofId));
    const value = column === null ? null : textOf(row.get(column));
    return column === null || value === null || isBlank(value) ? null : { column, value };
  }
}
