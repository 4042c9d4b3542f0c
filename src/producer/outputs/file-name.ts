import { TextIndex } from '../../shared/text-index.js';
import type { RowFault } from '../rejection.js';
import type { Row } from '../rows/row.js';
import { renderTemplate, type Template } from '../template/template.js';

/** In `--name`, the running number of the picture among those of the same name. */
const numberHole = 'n';
/** Stands for the number until briefs are counted; no name on any system holds it. */
const marker = '\u0000';
const markerInJson = '\\u0000';
const nameInOrigin = /^\{"name":"(?:[^"\\]|\\.)*"/;

/** The columns of the template: all that it names, but for the number. */
export function columnsOfName(template: Template): Template {
  const isColumn = (column: string) => column !== numberHole;
  return {
    ...template,
    columns: template.columns.filter(isColumn),
    required: template.required.filter(isColumn),
  };
}

/** The file name that a row asks for, its number still open; null where it says nothing, and the id is taken. */
export function fileNameOf(template: Template | null, row: Row, faults: RowFault[]): string | null {
  if (template === null) return null;
  const name = renderTemplate(template, new NumberedRow(row), faults)?.trim() ?? '';
  return name === '' ? null : name;
}

/** The member of an origin that carries the name; it comes first there. */
export function nameMember(name: string | null): string {
  return name === null ? '' : `"name":${JSON.stringify(name)},`;
}

/** Puts the number of a brief among those of its name into its origin. */
export function numberName(origin: string, number: number): string {
  if (!origin.startsWith('{"name":')) return origin;
  return origin.replace(nameInOrigin, (name) => name.replaceAll(markerInJson, String(number)));
}

/** A name with its number; as it is where it has no place for one. */
export function withNumber(name: string, number: number): string {
  return name.replaceAll(marker, String(number));
}

/** Counts the pictures of one name over the whole input: a product's variants mostly have rows of their own. */
export class NameCounter {
  /** Most inputs have a name for each row. */
  readonly #counts = new TextIndex(1);

  /** The number of the first of so many more; 1 where the name has none. */
  next(name: string | null, pictures: number): number {
    if (name?.includes(marker) !== true) return 1;
    // File systems may ignore case.
    const { words } = this.#counts.claim(name.toLowerCase());
    const before = words[0] ?? 0;
    words[0] = before + pictures;
    return before + 1;
  }
}

class NumberedRow implements Row {
  constructor(private readonly row: Row) {}

  get kind() {
    return this.row.kind;
  }

  get number() {
    return this.row.number;
  }

  get missingCells() {
    return this.row.missingCells;
  }

  get columns() {
    return this.row.columns;
  }

  nameOf(column: string) {
    return column === numberHole ? numberHole : this.row.nameOf(column);
  }

  get(column: string) {
    if (column === numberHole) return marker;
    const value = this.row.get(column);
    return typeof value === 'string' ? value.replaceAll(marker, ' ') : value;
  }

  find(column: string) {
    return this.get(this.nameOf(column) ?? column);
  }
}
