import type { ModelParam } from '../../rivya/outcome.js';
import { shellWord } from '../../shared/quantities.js';
import type { Mapping, Output } from '../mapping/mapping.js';
import type { KnownModel } from '../outputs/known-models.js';
import { chooseOption, isDecimal } from '../outputs/params.js';
import type { RowFault } from '../rejection.js';
import { textOf } from '../template/template.js';
import type { InputWarnings } from '../warnings.js';
import { cellText, isBlank, spelling, suspectCell, trimCell } from './cell-text.js';
import { type ColumnRoles, isSameList } from './read-fields.js';
import type { Row, RowPosition } from './row.js';
import { hole } from './source-columns.js';

/** Which cells of a row one output is made of, and what is odd in them. */
export class UsedCells {
  #columns: readonly string[] = [];
  #model: KnownModel | undefined;
  /** All of them. */
  #used: readonly string[] = [];
  /** Those of params and of the model are checked by what the model takes. */
  #unchecked: readonly string[] = [];
  #unsent: readonly UnsentParam[] = [];

  constructor(
    private readonly mapping: Mapping,
    private readonly output: Output,
  ) {}

  /** An error of a spreadsheet would be painted as it is written. */
  faults(row: Row, roles: ColumnRoles): RowFault[] {
    this.#lookAt(row, roles);
    const faults: RowFault[] = [];
    for (const column of this.#used) {
      const value = row.find(column);
      if (typeof value !== 'string' || suspectCell(value) !== 'error_value') continue;
      const reason = `"${column}" holds ${trimCell(value)}, an error of the spreadsheet: correct its formula, or empty the cell`;
      faults.push({ kind: 'error_value', column, reason });
    }
    return faults;
  }

  /** What may be a slip in a row that is made; after `faults` of it. */
  warn(
    row: Row,
    {
      position,
      known,
      params,
    }: { position: RowPosition; known: KnownModel | undefined; params: object },
    warnings: InputWarnings,
  ): void {
    for (const column of this.#unchecked) {
      const value = row.find(column);
      if (typeof value !== 'string' || suspectCell(value) !== 'nothing_word') continue;
      warnings.note({ rule: 'nothing_word', column }, position, () => {
        return `"${column}" says "${trimCell(value)}", which many programs write into empty cells: it is used as a word, since only an empty cell counts as empty`;
      });
    }
    this.#warnOfId(row, position, warnings);
    if (known !== this.#model) this.#findUnsent(known);
    for (const param of this.#unsent) {
      const value = textOf(row.get(param.column)) ?? '';
      if (Object.hasOwn(params, param.key) || !param.fits(value)) continue;
      warnings.note(
        { rule: 'unsent_param', param: param.key, column: param.column },
        position,
        () => {
          return `the column "${param.column}" is not sent: call it "params.${param.key}", or give --param ${shellWord(`${param.key}=${hole(param.column)}`)}`;
        },
      );
    }
  }

  #warnOfId(row: Row, position: RowPosition, warnings: InputWarnings): void {
    const { id } = this.mapping;
    const [column, ...more] = id === null ? ['id'] : id.columns;
    if (column === undefined || more.length > 0) return;
    const value = id === null ? row.get(column) : row.find(column);
    if (typeof value !== 'string' || cellText(value) === value) return;
    warnings.note({ rule: 'invisible_ends', column }, position, () => {
      return `"${column}" has invisible characters at its ends; they do not count, so ids that differ in nothing else are the same`;
    });
  }

  #lookAt(row: Row, { columns, params }: ColumnRoles): void {
    if (isSameList(this.#columns, columns)) return;
    this.#columns = columns;
    const { mapping, output } = this;
    const references = output.references ?? mapping.references;
    // Columns of ours must be called exactly so, and those of templates are found as the row finds them.
    const own = (name: string) =>
      mapping.ownColumns.has(name) && columns.includes(name) ? [name] : [];
    const named = (names: readonly string[]) => names.map((name) => row.nameOf(name) ?? name);
    const ofReferences =
      references?.kind === 'template' ? references.template.columns : references?.columns;
    const prompt = output.prompt ?? mapping.prompt;
    this.#unchecked = unique([
      ...(mapping.id === null ? own('id') : named(mapping.id.columns)),
      ...(prompt === null ? own('prompt') : named(prompt.columns)),
      ...(mapping.fileName === null ? [] : named(mapping.fileName.columns)),
      ...(ofReferences === undefined ? own('references') : named(ofReferences)),
    ]);
    const model = output.model ?? mapping.model;
    const templates = [...templatesOf(output.params), ...templatesOf(mapping.params)];
    this.#used = unique([
      ...this.#unchecked,
      ...(output.model === null ? own('model') : []),
      ...(model === null ? [] : named(model.columns)),
      ...templates.flatMap((template) => named(template.columns)),
      ...params.map(({ column }) => column),
    ]);
    this.#model = undefined;
    this.#unsent = [];
  }

  /** Columns of the user's own that are called as a param of the model, and are used for nothing. */
  #findUnsent(known: KnownModel | undefined): void {
    this.#model = known;
    const keys = new Map([...(known?.params ?? [])].map(([key]) => [spelling(key), key]));
    const used = new Set(this.#used.map(spelling));
    this.#unsent = this.#columns.flatMap((column): UnsentParam[] => {
      if (this.mapping.ownColumns.has(column) || used.has(spelling(column))) return [];
      const bare = column.replace(/^params?[\s._:-]+/i, '');
      const key = keys.get(spelling(bare));
      const param = key === undefined ? undefined : known?.params.get(key);
      if (key === undefined || param === undefined || column === `params.${key}`) return [];
      const isExact = bare === key;
      return [{ column, key, fits: (value) => fitsParam(value, param, isExact) }];
    });
  }
}

interface UnsentParam {
  column: string;
  key: string;
  /** Whether the cell could be meant for the param: a shop has a column "Style" of its own. */
  fits: (value: string) => boolean;
}

function fitsParam(value: string, { type, options }: ModelParam, isExact: boolean): boolean {
  if (isBlank(value)) return false;
  if (options.length > 0) return chooseOption(value, options) !== null;
  return type === 'number' ? isDecimal(value) : isExact;
}

function templatesOf(params: Output['params']) {
  return params.map(({ template }) => template);
}

function unique(columns: readonly string[]): string[] {
  return [...new Set(columns)];
}
