import { suspectCell } from '../rows/cell-text.js';
import type { CellFormats } from './cell-formats.js';
import { columnName, type SheetFindings } from './findings.js';
import type { Package } from './package.js';
import { isOn, readXml } from './read-xml.js';
import { CellText, readEscapes, type SharedTexts } from './shared-texts.js';

/** As many as Excel has. */
const mostRows = 1_048_576;
const mostColumns = 16_384;
/** As for a row of a CSV. */
const longestRow = 16 * 1024 * 1024;

export interface SheetRow {
  /** From 1, as the spreadsheet counts. */
  number: number;
  isHidden: boolean;
  /** By column, from 0; undefined where there is nothing. */
  cells: (string | undefined)[];
}

export interface SheetParts {
  part: string;
  texts: SharedTexts;
  formats: CellFormats;
}

/**
 * Hands on the rows of a sheet that have anything in them.
 *
 * @param afterChunk awaited from time to time, for whoever has to write what it was given
 * @throws BatchError `bad_input` for what is no sheet of a workbook
 */
export async function readSheet(
  parts: Package,
  sheet: SheetParts,
  {
    row,
    findings,
    afterChunk,
  }: {
    row: (row: SheetRow) => void;
    findings: SheetFindings;
    afterChunk: () => Promise<void>;
  },
): Promise<void> {
  const reader = new SheetReader(parts, sheet, row, findings);
  await readXml(parts, sheet.part, reader, afterChunk);
}

class SheetReader {
  #row: SheetRow | null = null;
  #lastRow = 0;
  #rowSize = 0;
  #column = -1;
  #type = 'n';
  #style = 0;
  #value = '';
  #readsValue = false;
  #hasFormula = false;
  readonly #inline: CellText;

  constructor(
    private readonly parts: Package,
    private readonly sheet: SheetParts,
    private readonly take: (row: SheetRow) => void,
    private readonly findings: SheetFindings,
  ) {
    this.#inline = new CellText((size) => {
      if (size > longestRow) throw parts.fault('holds a text that no cell has room for');
    });
  }

  open(name: string, attributes: Readonly<Record<string, string>>): void {
    if (this.#row === null) {
      if (name === 'row') this.#beginRow(attributes);
      else if (name === 'mergeCell') this.findings.merged(attributes.ref ?? '');
      return;
    }
    switch (name) {
      case 'c':
        this.#beginCell(attributes);
        return;
      case 'v':
        this.#readsValue = true;
        return;
      case 'f':
        this.#hasFormula = true;
        return;
      default:
        this.#inline.open(name);
    }
  }

  text(piece: string): void {
    if (this.#row === null) return;
    if (this.#readsValue) this.#value += piece;
    else this.#inline.add(piece);
  }

  close(name: string): void {
    if (this.#row === null) return;
    switch (name) {
      case 'v':
        this.#readsValue = false;
        return;
      case 'c':
        this.#endCell(this.#row);
        return;
      case 'row':
        if (this.#row.cells.length > 0) this.take(this.#row);
        this.#row = null;
        return;
      default:
        this.#inline.close(name);
    }
  }

  /** Some programs leave the numbers of rows and the names of cells out: then each follows the one before. */
  #beginRow({ r, hidden }: Readonly<Record<string, string>>): void {
    const number = r === undefined ? this.#lastRow + 1 : Number(r);
    if (!Number.isInteger(number) || number <= this.#lastRow || number > mostRows) {
      throw this.parts.fault(
        `has a row ${r} after row ${this.#lastRow}: open it and save it again`,
      );
    }
    this.#lastRow = number;
    this.#row = { number, isHidden: isOn(hidden), cells: [] };
    this.#column = -1;
    this.#rowSize = 0;
  }

  #beginCell({ r, t = 'n', s = '0' }: Readonly<Record<string, string>>): void {
    const column = r === undefined ? this.#column + 1 : columnIn(r);
    if (column < 0 || column >= mostColumns) {
      throw this.parts.fault(`has a cell ${r}, which no sheet has: open it and save it again`);
    }
    this.#column = column;
    this.#type = t;
    this.#style = Number(s);
    this.#value = '';
    this.#hasFormula = false;
    this.#readsValue = false;
    this.#inline.begin();
  }

  #endCell(row: SheetRow): void {
    const text = this.#cellText(row);
    if (text === '') return;
    this.#rowSize += text.length;
    if (this.#rowSize > longestRow)
      throw this.parts.fault(`row ${row.number} is larger than 16 MB`);
    row.cells[this.#column] = text;
  }

  /** As the cell shows it. */
  #cellText({ number: row }: SheetRow): string {
    const { formats, texts } = this.sheet;
    const column = this.#column;
    const value = this.#value;
    switch (this.#type) {
      case 'inlineStr':
        return this.#shownText(this.#inline.take(), row);
      case 'str':
        return this.#shownText(readEscapes(value), row);
      case 's': {
        if (value === '') return this.#nothing(row);
        const text = texts.get(Number(value));
        if (text === null) {
          const cell = `${columnName(column)}${row}`;
          throw this.parts.fault(`its cell ${cell} refers to a text that is not there`);
        }
        return this.#shownText(text, row);
      }
      case 'b':
        if (value === '') return this.#nothing(row);
        return isOn(value.trim()) ? 'TRUE' : 'FALSE';
      case 'e':
        // Whatever it is called: a row that uses it is refused, as that of a CSV is.
        return value === '' || suspectCell(value) === 'error_value' ? value : '#ERROR!';
      case 'd':
        return value === '' ? this.#nothing(row) : formats.date(value, this.#style);
      default: {
        if (value === '') return this.#nothing(row);
        const number = Number(value);
        if (!Number.isFinite(number)) return readEscapes(value);
        const text = formats.number(number, this.#style);
        this.findings.number({ row, column }, number, text);
        return text;
      }
    }
  }

  #shownText(text: string, row: number): string {
    const shown = this.sheet.formats.text(text, this.#style);
    this.findings.text({ row, column: this.#column }, shown);
    return shown;
  }

  /** A formula whose value was never worked out shows nothing. */
  #nothing(row: number): string {
    if (this.#hasFormula) this.findings.formulaWithoutValue({ row, column: this.#column });
    return '';
  }
}

/** 0 for `A7`, 27 for `AB7`; -1 for what names no cell. */
function columnIn(reference: string): number {
  let column = 0;
  let at = 0;
  for (; at < reference.length && at < 4; at++) {
    const letter = (reference.charCodeAt(at) & 0xdf) - 64;
    if (letter < 1 || letter > 26 || reference.charCodeAt(at) < 65) break;
    column = column * 26 + letter;
  }
  return at === 0 || at > 3 ? -1 : column - 1;
}
