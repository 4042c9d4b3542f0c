import { closeSync, openSync, readSync } from 'node:fs';
import { Spool } from '../spool.js';
import type { Package } from './package.js';
import { readXml } from './read-xml.js';

/** More than a sheet of a million rows has in twenty columns. */
const mostTexts = 20_000_000;
/** What programs let a cell hold is 32,767 or 50,000. */
const longestText = 1_000_000;
const bytesPerPage = 64 * 1024;
/** 32 MB. Cells name texts in about the order in which they are kept. */
const mostPages = 512;

/** The texts that cells refer to by number. They wait on disk: a large workbook's would fill the memory. */
export class SharedTexts {
  readonly #pages = new Map<number, Buffer>();

  private constructor(
    private readonly file: number | null,
    private readonly ends: readonly Float64Array[],
    readonly count: number,
  ) {}

  static none(): SharedTexts {
    return new SharedTexts(null, [], 0);
  }

  /** @param path where they are to be kept */
  static async read(parts: Package, part: string, path: string): Promise<SharedTexts> {
    const spool = await Spool.create(path);
    const ends: Float64Array[] = [];
    let count = 0;
    let position = 0;
    try {
      const text = new CellText((size) => {
        if (size > longestText) throw parts.fault('holds a text that no cell has room for');
      });
      await readXml(
        parts,
        part,
        {
          open(name) {
            if (name === 'si') text.begin();
            else text.open(name);
          },
          text: (piece) => text.add(piece),
          close(name) {
            if (name !== 'si') return text.close(name);
            if (count === mostTexts) throw parts.fault('has more texts than a sheet has room for');
            const whole = text.take();
            spool.add(whole);
            position += Buffer.byteLength(whole);
            const at = count % textsPerBlock;
            if (at === 0) ends.push(new Float64Array(textsPerBlock));
            const block = ends.at(-1);
            if (block !== undefined) block[at] = position;
            count += 1;
          },
        },
        async () => {
          if (spool.isFull) await spool.flush();
        },
      );
      await spool.flush();
    } finally {
      await spool.close();
    }
    return new SharedTexts(openSync(path, 'r'), ends, count);
  }

  /** Null where there is no such text. */
  get(index: number): string | null {
    if (!Number.isInteger(index) || index < 0 || index >= this.count) return null;
    const begin = index === 0 ? 0 : this.#endOf(index - 1);
    const end = this.#endOf(index);
    const page = Math.floor(begin / bytesPerPage);
    const inPage = begin - page * bytesPerPage;
    if (inPage + end - begin <= bytesPerPage) {
      return this.#page(page).toString('utf8', inPage, inPage + end - begin);
    }
    const bytes = Buffer.allocUnsafe(end - begin);
    this.#readAt(bytes, begin);
    return bytes.toString('utf8');
  }

  close(): void {
    if (this.file !== null) closeSync(this.file);
  }

  #endOf(index: number): number {
    return this.ends[Math.floor(index / textsPerBlock)]?.[index % textsPerBlock] ?? 0;
  }

  #page(number: number): Buffer {
    const known = this.#pages.get(number);
    if (known !== undefined) return known;
    const page = Buffer.allocUnsafe(bytesPerPage);
    this.#readAt(page, number * bytesPerPage);
    // The one that has been there longest goes: most are asked for in order, and not again.
    const [oldest] = this.#pages.keys();
    if (this.#pages.size === mostPages && oldest !== undefined) this.#pages.delete(oldest);
    this.#pages.set(number, page);
    return page;
  }

  #readAt(bytes: Buffer, position: number): void {
    if (this.file !== null) readSync(this.file, bytes, 0, bytes.length, position);
  }
}

const textsPerBlock = 65_536;

/** The text of a cell out of its runs (`t`), without how it is pronounced (`rPh`). */
export class CellText {
  #text = '';
  #reads = false;
  #phonetic = 0;

  constructor(private readonly check: (size: number) => void) {}

  begin(): void {
    this.#text = '';
    this.#reads = false;
    this.#phonetic = 0;
  }

  open(name: string): void {
    if (name === 'rPh') this.#phonetic += 1;
    if (name === 't') this.#reads = this.#phonetic === 0;
  }

  add(piece: string): void {
    if (!this.#reads) return;
    this.#text += piece;
    this.check(this.#text.length);
  }

  close(name: string): void {
    if (name === 'rPh') this.#phonetic -= 1;
    if (name === 't') this.#reads = false;
  }

  take(): string {
    return readEscapes(this.#text);
  }
}

/** `_x000D_` is how the format writes what XML cannot hold. Line ends are those of a table. */
export function readEscapes(text: string): string {
  const plain = text.includes('_x')
    ? text.replaceAll(/_x([\dA-Fa-f]{4})_/g, (_whole, code: string) =>
        shownCharacter(Number.parseInt(code, 16)),
      )
    : text;
  return plain.includes('\r') ? plain.replaceAll(/\r\n?/g, '\n') : plain;
}

/** Control characters show nothing, and a zero byte would end the table. */
function shownCharacter(code: number): string {
  return code < 0x20 && !/[\t\n\r]/.test(String.fromCharCode(code))
    ? ''
    : String.fromCharCode(code);
}
