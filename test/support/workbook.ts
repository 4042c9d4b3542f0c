import { crc32, deflateRawSync } from 'node:zlib';

/** What a cell of a test's workbook holds: text, a number with a format, or XML of its own. */
export type TestCell =
  | string
  | number
  | boolean
  | null
  | { value: number; format: string }
  /** The whole `<c>` element. */
  | { xml: string };

export interface TestSheet {
  name: string;
  rows: readonly (readonly TestCell[])[];
  state?: 'hidden' | 'veryHidden';
  /** Numbers of rows, from 1. */
  hiddenRows?: readonly number[];
  /** Behind the rows. */
  after?: string;
}

export interface WorkbookManner {
  /** Where texts are: Excel and LibreOffice share them, others write them into the cells. */
  texts?: 'shared' | 'inline';
  /** Whether rows and cells say where they are. */
  positions?: 'said' | 'left_out';
  /** Whether parts are named from the root of the package, as some programs do. */
  targets?: 'relative' | 'absolute';
  /** ISO/IEC 29500 Strict has other namespaces. */
  namespaces?: 'transitional' | 'strict';
  /** `x:` before the names of elements, as the Open XML SDK writes them. */
  prefix?: string;
  styles?: 'written' | 'left_out';
  from1904?: boolean;
  /** Parts in place of those that are made. */
  parts?: Record<string, string | Buffer>;
}

/** A workbook as one of the programs writes it that people use. */
export function makeWorkbook(sheets: readonly TestSheet[], manner: WorkbookManner = {}): Buffer {
  const writer = new BookWriter(manner);
  const parts = writer.parts(sheets);
  return zip(Object.entries({ ...parts, ...manner.parts }));
}

/** One sheet, called Sheet1. */
export function makeSheet(
  rows: TestSheet['rows'],
  manner: WorkbookManner = {},
  more: Partial<TestSheet> = {},
): Buffer {
  return makeWorkbook([{ name: 'Sheet1', rows, ...more }], manner);
}

const namespaces = {
  transitional: {
    main: 'http://schemas.openxmlformats.org/spreadsheetml/2006/main',
    relations: 'http://schemas.openxmlformats.org/officeDocument/2006/relationships',
  },
  strict: {
    main: 'http://purl.oclc.org/ooxml/spreadsheetml/main',
    relations: 'http://purl.oclc.org/ooxml/officeDocument/relationships',
  },
};

const head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const packageRelations = 'http://schemas.openxmlformats.org/package/2006/relationships';

class BookWriter {
  readonly #texts = new Map<string, number>();
  readonly #formats: string[] = [];

  constructor(private readonly manner: WorkbookManner) {}

  parts(sheets: readonly TestSheet[]): Record<string, string> {
    const { namespaces: kind = 'transitional', styles = 'written', from1904 = false } = this.manner;
    const { relations } = namespaces[kind];
    const written = sheets.map((sheet) => this.#sheet(sheet));
    const books = sheets.map(
      ({ name, state = 'visible' }, at) =>
        `<sheet name="${escapeXml(name)}" sheetId="${at + 1}" state="${state}" r:id="rId${at + 1}"/>`,
    );
    const targets = [
      ...sheets.map((_sheet, at) => ['worksheet', `worksheets/sheet${at + 1}.xml`]),
      ...(styles === 'written' ? [['styles', 'styles.xml']] : []),
      ...(this.#texts.size > 0 ? [['sharedStrings', 'sharedStrings.xml']] : []),
    ];
    const base = this.manner.targets === 'absolute' ? '/xl/' : '';
    return {
      '[Content_Types].xml': `${head}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>`,
      '_rels/.rels': `${head}<Relationships xmlns="${packageRelations}"><Relationship Id="rId1" Type="${relations}/officeDocument" Target="${this.manner.targets === 'absolute' ? '/' : ''}xl/workbook.xml"/></Relationships>`,
      'xl/workbook.xml': this.#part(
        'workbook',
        `<workbookPr${from1904 ? ' date1904="1"' : ''}/><sheets>${books.join('')}</sheets>`,
      ),
      'xl/_rels/workbook.xml.rels': `${head}<Relationships xmlns="${packageRelations}">${targets
        .map(
          ([type, target], at) =>
            `<Relationship Id="rId${at + 1}" Type="${relations}/${type}" Target="${base}${target}"/>`,
        )
        .join('')}</Relationships>`,
      ...Object.fromEntries(
        written.map((xml, at) => [`xl/worksheets/sheet${at + 1}.xml`, xml] as const),
      ),
      ...(styles === 'written' && { 'xl/styles.xml': this.#styles() }),
      ...(this.#texts.size > 0 && { 'xl/sharedStrings.xml': this.#sharedTexts() }),
    };
  }

  #part(root: string, inside: string): string {
    const { prefix = '', namespaces: kind = 'transitional' } = this.manner;
    const { main, relations } = namespaces[kind];
    const name = prefix === '' ? 'xmlns' : `xmlns:${prefix.slice(0, -1)}`;
    const body = prefix === '' ? inside : inside.replaceAll(/<(\/?)(?=[a-z])/gi, `<$1${prefix}`);
    return `${head}<${prefix}${root} ${name}="${main}" xmlns:r="${relations}">${body}</${prefix}${root}>`;
  }

  #sheet({ rows, hiddenRows = [], after = '' }: TestSheet): string {
    const said = this.manner.positions !== 'left_out';
    const written = rows.map((cells, at) => {
      const number = at + 1;
      const hidden = hiddenRows.includes(number) ? ' hidden="1"' : '';
      // A row with nothing in it is not written, unless those behind it are counted by it.
      if (said && cells.length === 0) return '';
      const position = said ? ` r="${number}"` : '';
      const inside = cells.map((cell, column) => this.#cell(cell, { number, column }));
      return `<row${position}${hidden}>${inside.join('')}</row>`;
    });
    return this.#part('worksheet', `<sheetData>${written.join('')}</sheetData>${after}`);
  }

  #cell(cell: TestCell, { number, column }: { number: number; column: number }): string {
    const said = this.manner.positions !== 'left_out';
    const at = said ? ` r="${letters(column)}${number}"` : '';
    if (cell === null) return said ? '' : '<c/>';
    if (typeof cell === 'number') return `<c${at}><v>${cell}</v></c>`;
    if (typeof cell === 'boolean') return `<c${at} t="b"><v>${Number(cell)}</v></c>`;
    if (typeof cell === 'object' && 'xml' in cell) return cell.xml.replace('<c', `<c${at}`);
    if (typeof cell === 'object') {
      return `<c${at} s="${this.#format(cell.format)}"><v>${cell.value}</v></c>`;
    }
    const text = `<t xml:space="preserve">${escapeXml(cell)}</t>`;
    if (this.manner.texts === 'inline') return `<c${at} t="inlineStr"><is>${text}</is></c>`;
    let index = this.#texts.get(text);
    if (index === undefined) {
      index = this.#texts.size;
      this.#texts.set(text, index);
    }
    return `<c${at} t="s"><v>${index}</v></c>`;
  }

  #format(format: string): number {
    const known = this.#formats.indexOf(format);
    return known < 0 ? this.#formats.push(format) : known + 1;
  }

  #styles(): string {
    const builtIn = this.#formats.map((format) => /^#(\d+)$/.exec(format)?.[1]);
    const own = this.#formats
      .map((format, at) => `<numFmt numFmtId="${164 + at}" formatCode="${escapeXml(format)}"/>`)
      .filter((_format, at) => builtIn[at] === undefined);
    const cells = this.#formats.map((_format, at) => `<xf numFmtId="${builtIn[at] ?? 164 + at}"/>`);
    return this.#part(
      'styleSheet',
      `<numFmts>${own.join('')}</numFmts><cellStyleXfs><xf numFmtId="9"/></cellStyleXfs><cellXfs><xf numFmtId="0"/>${cells.join('')}</cellXfs>`,
    );
  }

  #sharedTexts(): string {
    return this.#part('sst', [...this.#texts.keys()].map((text) => `<si>${text}</si>`).join(''));
  }
}

export function letters(column: number): string {
  const letter = String.fromCharCode(65 + (column % 26));
  return column < 26 ? letter : `${letters(Math.floor(column / 26) - 1)}${letter}`;
}

function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** A zip file with these parts, in this order. */
export function zip(parts: readonly (readonly [string, string | Buffer])[]): Buffer {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of parts) {
    const bytes = Buffer.from(content);
    const packed = deflateRawSync(bytes);
    const facts = Buffer.alloc(26);
    facts.writeUInt16LE(20, 0);
    facts.writeUInt16LE(8, 4);
    facts.writeUInt32LE(crc32(bytes), 10);
    facts.writeUInt32LE(packed.length, 14);
    facts.writeUInt32LE(bytes.length, 18);
    facts.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.concat([Buffer.from('PK\u0003\u0004'), facts, Buffer.from(name), packed]);
    const entry = Buffer.alloc(46);
    entry.write('PK\u0001\u0002', 0, 'latin1');
    entry.writeUInt16LE(20, 4);
    facts.copy(entry, 6);
    entry.writeUInt32LE(offset, 42);
    files.push(local);
    directory.push(entry, Buffer.from(name));
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\u0005\u0006', 0, 'latin1');
  end.writeUInt16LE(parts.length, 8);
  end.writeUInt16LE(parts.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...files, central, end]);
}
