import type { InputFormat } from '../options.js';

/** What the first bytes of a file say about it. */
export type Head =
  | { kind: 'text' /** Bytes of a byte order mark, to be skipped. */; skipBytes: number }
  | { kind: 'workbook' }
  | { kind: 'gzip' }
  | { kind: 'web_page' | 'refused'; reason: string };

const saveAgain = 'save it as .xlsx (Excel workbook), or export the sheet as CSV in UTF-8';

const SIGNATURES: readonly { bytes: readonly number[]; reason: string }[] = [
  { bytes: [0xff, 0xfe], reason: 'is UTF-16 text; save it as UTF-8' },
  { bytes: [0xfe, 0xff], reason: 'is UTF-16 text; save it as UTF-8' },
  { bytes: [0x28, 0xb5, 0x2f, 0xfd], reason: 'is compressed with zstd; unpack it first (unzstd)' },
  { bytes: [0x42, 0x5a, 0x68], reason: 'is compressed with bzip2; unpack it first (bunzip2)' },
  { bytes: [0xfd, 0x37, 0x7a, 0x58], reason: 'is compressed with xz; unpack it first (unxz)' },
  { bytes: [0x37, 0x7a, 0xbc, 0xaf], reason: 'is a 7-Zip archive; unpack it first' },
  { bytes: [0x52, 0x61, 0x72, 0x21], reason: 'is a RAR archive; unpack it first' },
];
const GZIP = [0x1f, 0x8b];
const ZIP = [0x50, 0x4b, 0x03, 0x04];
const OLE = [0xd0, 0xcf, 0x11, 0xe0];
const UTF8_MARK = [0xef, 0xbb, 0xbf];

const webPage =
  'is a web page (HTML), as servers send it to somebody who is not signed in: sign in and download the file again, or export it again';

const tablePage =
  'is a web page (HTML) with a table in it at most, whatever it is called: open it in a spreadsheet and save it as .xlsx; if it asks for a sign-in, sign in and download the file again';

/** What text begins with that is of another kind than its name or `--format` says. */
const KINDS: readonly { of: readonly InputFormat[]; begins: RegExp; reason: string }[] = [
  {
    of: ['csv', 'tsv', 'json', 'jsonl', 'xlsx'],
    begins: /^(?:<\?xml[^>]*>\s*)?(?:<\?mso-application[^>]*>\s*)?<(?:[a-z]+:)?Workbook\b/i,
    reason: `is a table in the XML of Excel 2003; ${saveAgain}`,
  },
  {
    of: ['csv', 'tsv', 'json', 'jsonl', 'xlsx'],
    begins: /^<\?xml\b|^<(?:rss|feed|urlset)\b/i,
    reason: 'is XML: export it as CSV or JSON',
  },
  {
    of: ['csv', 'tsv', 'json', 'jsonl', 'xlsx'],
    begins: /^%PDF-/,
    reason: 'is a PDF: export it as CSV',
  },
  {
    of: ['csv', 'tsv'],
    begins: /^(?:\[\s*)?\{\s*"[^"\r\n]*"\s*:/,
    reason: 'is JSON, not a table: name it .json (or .jsonl for a brief a line), or give --format',
  },
  {
    of: ['json'],
    begins: /^\{[^\r\n]*\}[^\S\r\n]*\r?\n\s*\{/,
    reason: 'is JSON Lines (a brief a line): name it .jsonl, or give --format jsonl',
  },
  {
    of: ['jsonl'],
    begins: /^\[\s*(?:[{\r\n]|$)/,
    reason: 'is a JSON list, not JSON Lines: name it .json, or give --format json',
  },
  {
    of: ['jsonl'],
    begins: /^\{[^\S\r\n]*\r?\n/,
    reason: 'is JSON over several lines, not JSON Lines: name it .json, or give --format json',
  },
];

/**
 * Names what is not as its name or `--format` says, before anybody reads nonsense from it.
 *
 * @param end the last bytes, where a zip file lists its parts
 */
export function recogniseHead(
  head: Buffer,
  { format, end }: { format: InputFormat | null; end: Buffer },
): Head {
  if (startsWith(head, GZIP)) return { kind: 'gzip' };
  if (startsWith(head, ZIP))
    return recogniseZip(`${head.toString('latin1')}${end.toString('latin1')}`, format);
  if (startsWith(head, OLE)) return { kind: 'refused', reason: oldWorkbook };
  const signature = SIGNATURES.find(({ bytes }) => startsWith(head, bytes));
  if (signature !== undefined) return { kind: 'refused', reason: signature.reason };
  const skipBytes = startsWith(head, UTF8_MARK) ? UTF8_MARK.length : 0;
  if (head.length === skipBytes) return { kind: 'refused', reason: 'is empty' };
  const text = head.toString('utf8', skipBytes).trimStart();
  if (/^<(?:!doctype\s+html|html|head|body|script|title|table|meta)\b/i.test(text)) {
    const isTable = format === 'xlsx' || /^<(?:table|meta)\b/i.test(text) || /<table\b/i.test(text);
    return { kind: 'web_page', reason: isTable ? tablePage : webPage };
  }
  const kind = KINDS.find(
    ({ of, begins }) => (format === null || of.includes(format)) && begins.test(text),
  );
  if (kind !== undefined) return { kind: 'refused', reason: kind.reason };
  if (format === 'xlsx') return { kind: 'refused', reason: noWorkbook(head, text) };
  return { kind: 'text', skipBytes };
}

function noWorkbook(head: Buffer, text: string): string {
  if (head.includes(0)) return `is no workbook, nor any file that is known here; ${saveAgain}`;
  if (/^[[{]/.test(text)) return 'is JSON, not a workbook: name it .json, or give --format json';
  return 'is text, not a workbook: if it is CSV, name it .csv, or give --format csv; else open it in a spreadsheet and save it as .xlsx';
}

/** Of zip files there are many; the names of their parts tell which. */
function recogniseZip(text: string, format: InputFormat | null): Head {
  const foreign = zips.find(({ has }) => has.test(text));
  if (foreign !== undefined) return { kind: 'refused', reason: foreign.reason };
  if (format === 'xlsx') return { kind: 'workbook' };
  const reason =
    'is an Excel workbook or another zip file: name it .xlsx, or give --format xlsx; unpack any other';
  return { kind: 'refused', reason };
}

const zips: readonly { has: RegExp; reason: string }[] = [
  {
    has: /mimetypeapplication\/vnd\.oasis\.opendocument\.spreadsheet|META-INF\/manifest\.xml/,
    reason: `is an OpenDocument spreadsheet (.ods); ${saveAgain}`,
  },
  {
    has: /Index\/[\w/-]*\.iwa|Index\.zip/,
    reason: 'is a Numbers spreadsheet; export it: File, Export To, Excel (.xlsx), or CSV in UTF-8',
  },
  { has: /xl\/workbook\.bin/, reason: `is a binary workbook (.xlsb); ${saveAgain}` },
  { has: /word\/document\.xml/, reason: 'is a Word document: put the table into a workbook' },
];

const oldWorkbook = `is an old Excel workbook (.xls); ${saveAgain}`;

/** Where in such a file its list of parts stands, of which the first bytes tell no more. */
export function oleDirectoryAt(head: Buffer): number | null {
  if (!startsWith(head, OLE) || head.length < 52) return null;
  return (head.readUInt32LE(48) + 1) * 2 ** Math.min(head.readUInt16LE(30), 12);
}

/** A workbook that is locked by a password is kept in the frame of the old format. */
export function oleReason(directory: Buffer): string {
  const has = (name: string) => directory.includes(Buffer.from(name, 'utf16le'));
  if (has('EncryptedPackage')) {
    return 'is locked by a password: save it without one (File, Info, Protect Workbook), or export the sheet as CSV in UTF-8';
  }
  return has('WordDocument')
    ? 'is an old Word document: put the table into a workbook'
    : oldWorkbook;
}

function startsWith(head: Buffer, bytes: readonly number[]): boolean {
  return head.length >= bytes.length && bytes.every((byte, position) => head[position] === byte);
}
