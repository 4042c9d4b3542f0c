import { SaxesParser } from 'saxes';
import type { Package } from './package.js';

/** What is done with the elements of a part; names come without the prefix that some programs give them. */
export interface XmlHandler {
  open?(name: string, attributes: Readonly<Record<string, string>>): void;
  text?(text: string): void;
  close?(name: string): void;
}

/** Elements in each other; a sheet has about eight. */
const deepest = 100;
/** Characters without a new element: more than any cell holds. */
const longestText = 16 * 1024 * 1024;

/**
 * Reads a part of a workbook from start to end, in constant memory.
 *
 * @param afterChunk awaited before more is read
 * @throws BatchError `bad_input` for what is no XML, or no XML of a workbook
 */
export async function readXml(
  parts: Package,
  part: string,
  handler: XmlHandler,
  afterChunk?: () => Promise<void>,
): Promise<void> {
  const parser = new SaxesParser({ xmlns: false, position: false });
  let depth = 0;
  let sinceElement = 0;
  parser.on('error', (error) => {
    throw parts.fault(`its part ${part} cannot be read: open it and save it again`, error);
  });
  parser.on('doctype', () => {
    throw parts.fault(`its part ${part} declares entities, which no workbook does`);
  });
  parser.on('opentag', ({ name, attributes }) => {
    sinceElement = 0;
    depth += 1;
    if (depth > deepest) throw parts.fault(`its part ${part} is nested too deep`);
    handler.open?.(localName(name), attributes);
  });
  if (handler.text) parser.on('text', handler.text.bind(handler));
  if (handler.text) parser.on('cdata', handler.text.bind(handler));
  parser.on('closetag', ({ name }) => {
    sinceElement = 0;
    depth -= 1;
    handler.close?.(localName(name));
  });
  let decoder: InstanceType<typeof TextDecoder> | null = null;
  const write = (text: string) => {
    sinceElement += text.length;
    parser.write(text);
    if (sinceElement > longestText) throw parts.fault('holds a text that no cell has room for');
  };
  try {
    for await (const bytes of parts.read(part)) {
      decoder ??= new TextDecoder(encodingOf(bytes), { fatal: true });
      write(decoder.decode(bytes, { stream: true }));
      await afterChunk?.();
    }
    if (decoder !== null) write(decoder.decode());
    parser.close();
    await afterChunk?.();
  } catch (error) {
    if (error instanceof TypeError && 'code' in error) {
      throw parts.fault(`its part ${part} is not the text it should be`, error);
    }
    throw error;
  }
}

/** UTF-8, unless the bytes begin with the mark of the other. */
function encodingOf(bytes: Buffer): 'utf-8' | 'utf-16le' {
  return bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : 'utf-8';
}

/** `x:row` is `row`: which prefix stands for the format is the program's own choice. */
export function localName(name: string): string {
  const colon = name.indexOf(':');
  return colon < 0 ? name : name.slice(colon + 1);
}

/** `w3c` writes booleans as 1 and true. */
export function isOn(value: string | undefined): boolean {
  return value === '1' || value === 'true' || value === 'on';
}
