import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { counted, quoteName } from '../../shared/quantities.js';
import { isBlank } from '../rows/cell-text.js';
import { Spool } from '../spool.js';
import type { InputWarnings } from '../warnings.js';
import { CellFormats } from './cell-formats.js';
import { chooseSheet, readWorkbook, type Sheet, sheetNames } from './find-sheet.js';
import { SheetFindings } from './findings.js';
import { Package } from './package.js';
import { readSheet, type SheetRow } from './read-sheet.js';
import { SharedTexts } from './shared-texts.js';

/** Characters. A cell may be far to the right in each of a million rows. */
const largestTable = 2_000_000_000;

export interface WantedSheet {
  /** As the user wrote the file: begins every sentence about it. */
  label: string;
  /** Base name, as it stands in positions. */
  name: string;
  /** Null: the first that is shown. */
  sheet: string | null;
  /** From 1; it is read even where it is hidden. */
  headerRow: number | null;
}

/**
 * Writes a sheet of a workbook as a CSV into `folder`, row for row, so that everything is read in one way: a row of the
 * file has the number that the spreadsheet gives it, and cells hold what they show. Returns the file's path.
 *
 * @throws BatchError `bad_input` for what is no workbook, or more than one may hold
 */
export async function unpackWorkbook(
  path: string,
  wanted: WantedSheet,
  { folder, warnings }: { folder: string; warnings: InputWarnings },
): Promise<string> {
  const parts = await Package.open(path, wanted.label);
  const textsPath = join(folder, `texts-${randomUUID()}`);
  let texts = SharedTexts.none();
  try {
    const workbook = await readWorkbook(parts);
    const sheet = chooseSheet(parts, workbook, wanted.sheet);
    tellSheets(sheet, workbook.sheets, { wanted, warnings });
    const formats = await CellFormats.read(parts, workbook);
    if (workbook.sharedStrings !== null) {
      texts = await SharedTexts.read(parts, workbook.sharedStrings, textsPath);
    }
    const table = join(folder, `workbook-${randomUUID()}.csv`);
    const spool = await Spool.create(table);
    try {
      const writer = new TableWriter(parts, spool, { wanted, warnings });
      const findings = new SheetFindings();
      await readSheet(
        parts,
        { part: sheet.part, texts, formats },
        {
          row: (row) => writer.add(row),
          findings,
          afterChunk: async () => {
            if (spool.isFull) await spool.flush();
          },
        },
      );
      await spool.flush();
      findings.tell(wanted.label, warnings);
    } finally {
      await spool.close();
    }
    return table;
  } finally {
    texts.close();
    parts.close();
    await rm(textsPath, { force: true });
  }
}

/** Which sheet it is, is only a question where there are several. */
function tellSheets(
  sheet: Sheet,
  sheets: readonly Sheet[],
  { wanted, warnings }: { wanted: WantedSheet; warnings: InputWarnings },
): void {
  if (wanted.sheet !== null || sheets.length < 2) return;
  const { label } = wanted;
  const others = sheets.filter((other) => other !== sheet);
  warnings.note({ rule: 'sheets', of: label }, null, () => {
    return `${label}: the sheet ${quoteName(sheet.name)} is read, and not ${sheetNames(others)}; --sheet NAME reads another`;
  });
}

class TableWriter {
  /** Of the table so far. */
  #rows = 0;
  #size = 0;

  constructor(
    private readonly parts: Package,
    private readonly spool: Spool,
    private readonly context: { wanted: WantedSheet; warnings: InputWarnings },
  ) {}

  /** Blank rows before it are written with it, so that none stand at the end. */
  add({ number, isHidden, cells }: SheetRow): void {
    const { wanted } = this.context;
    if (cells.every((cell) => cell === undefined || isBlank(cell))) return;
    if (isHidden && number !== wanted.headerRow) {
      this.#tellHidden(number);
      return;
    }
    const line = Array.from(cells, (cell = '') => quoted(cell)).join(',');
    const text = `${'\n'.repeat(number - 1 - this.#rows)}${line}\n`;
    this.#rows = number;
    this.#size += text.length;
    if (this.#size > largestTable) {
      throw this.parts.fault(
        `is larger than a table can be (${counted(number, 'row')} make 2 GB of text): split it`,
      );
    }
    this.spool.add(text);
  }

  /** What nobody sees is not paid for: rows that a filter, or a hand, has hidden are left out. */
  #tellHidden(row: number): void {
    const { wanted, warnings } = this.context;
    const { label, name: source } = wanted;
    warnings.note({ rule: 'hidden_rows', of: label }, { source, row }, () => {
      return 'hidden in the workbook, by a filter or by hand, and left out: show them there to have them made';
    });
  }
}

function quoted(cell: string): string {
  return /[",\n\r]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
