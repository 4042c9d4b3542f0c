import { format, getFormatFromId, isDateFormat, isValidFormat } from 'numfmt';
import type { Package } from './package.js';
import { readXml } from './read-xml.js';

/** How a workbook shows its numbers. */
type Format =
  /** No format of its own, or none that means anything: the number itself. */
  | { kind: 'general' }
  /** Dates in the manner of the computer they are looked at on: which one nobody knows here. */
  | { kind: 'system_date'; pattern: string }
  | { kind: 'date' | 'number'; pattern: string };

const general: Format = { kind: 'general' };
/** Days from the first of 1900 to that of 1904. */
const daysTo1904 = 1462;
/** The last day of 9999. */
const lastDay = 2_958_466;
/** From here on, spreadsheets write a number in powers of ten, where it is an article's number. */
const longNumber = 1e11;

/** Numbers of cells as the workbook shows them. */
export class CellFormats {
  private constructor(
    private readonly formats: readonly Format[],
    private readonly from1904: boolean,
  ) {}

  static async read(
    parts: Package,
    { styles: part, from1904 }: { styles: string | null; from1904: boolean },
  ): Promise<CellFormats> {
    const own = new Map<number, string>();
    const formats: Format[] = [];
    let inCells = false;
    if (part !== null) {
      await readXml(parts, part, {
        open(name, { numFmtId = '0', formatCode = '' }) {
          if (name === 'numFmt') own.set(Number(numFmtId), formatCode);
          if (name === 'cellXfs') inCells = true;
          if (name !== 'xf' || !inCells) return;
          const id = Number(numFmtId);
          formats.push(formatOf(id, own.get(id)));
        },
        close(name) {
          if (name === 'cellXfs') inCells = false;
        },
      });
    }
    return new CellFormats(formats, from1904);
  }

  /** @param style position of the cell's format in the workbook's list */
  number(value: number, style: number): string {
    const how = this.formats[style] ?? general;
    switch (how.kind) {
      case 'general':
        return plainNumber(value);
      case 'number': {
        const isLong = Number.isInteger(value) && Math.abs(value) >= longNumber;
        return isLong && /E[+-]/i.test(how.pattern)
          ? plainNumber(value)
          : shown(how.pattern, value);
      }
      case 'date':
      case 'system_date': {
        const day = this.from1904 ? value + daysTo1904 : value;
        return day < 0 || day >= lastDay ? plainNumber(value) : shown(how.pattern, day);
      }
      default:
        return how satisfies never;
    }
  }

  /** A date that is written as text (`t="d"`) in the manner of its cell. */
  date(text: string, style: number): string {
    const how = this.formats[style] ?? general;
    const ms = Date.parse(/[zZ]$|T.*[+-]\d\d:?\d\d$/.test(text) ? text : `${text}Z`);
    if (how.kind === 'general' || how.kind === 'number' || Number.isNaN(ms)) return text;
    return shown(how.pattern, ms / 86_400_000 + 25_569);
  }

  /** Text is as it is written, but for a format that adds something to it, such as `"SKU-"@`. */
  text(text: string, style: number): string {
    const how = this.formats[style] ?? general;
    if (how.kind !== 'number' || how.pattern === '@' || !how.pattern.includes('@')) return text;
    const whole = shown(how.pattern, text);
    return whole === '' || whole === text.trim() ? text : whole;
  }
}

function formatOf(id: number, own: string | undefined): Format {
  const pattern = own ?? getFormatFromId(id);
  // Dates that follow the computer's settings: by number, and by the marks that Excel writes for the long ones.
  if (own === undefined && (id === 14 || (id >= 27 && id <= 36) || (id >= 50 && id <= 58))) {
    return { kind: 'system_date', pattern: 'yyyy-mm-dd' };
  }
  if (own === undefined && id === 22) return { kind: 'system_date', pattern: 'yyyy-mm-dd hh:mm' };
  if (pattern.startsWith('[$-F800]')) return { kind: 'system_date', pattern: 'yyyy-mm-dd' };
  if (pattern.startsWith('[$-F400]')) return { kind: 'system_date', pattern: 'hh:mm:ss' };
  const isGeneral = pattern === '' || /^general$/i.test(pattern) || pattern === '@';
  if (isGeneral || !isValidFormat(pattern)) return general;
  return { kind: isDateFormat(pattern) ? 'date' : 'number', pattern };
}

/** Without the spaces that fill a cell to its width. */
function shown(pattern: string, value: number | string): string {
  return format(pattern, value, { nbsp: false }).trim();
}

/** All digits that the number has, and never a power of ten that a person would not write. */
function plainNumber(value: number): string {
  if (Number.isInteger(value)) return Math.abs(value) < 1e21 ? String(value) : value.toString();
  // Spreadsheets show 15 digits; the rest is what binary fractions leave.
  const text = String(Number(value.toPrecision(15)));
  if (!text.includes('e')) return text;
  return value.toLocaleString('en', { maximumSignificantDigits: 15, useGrouping: false });
}
