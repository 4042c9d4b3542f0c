import type { InputFormat } from './input-options.js';

/** What the first bytes of a file say about it. */
export type Head =
  | { kind: 'text' /** Bytes of a byte order mark, to be skipped. */; skipBytes: number }
  | { kind: 'refused'; reason: string };

/** Enough for a header line of a wide spreadsheet. */
export const HEAD_BYTES = 64 * 1024;

const SIGNATURES: readonly { bytes: readonly number[]; reason: string }[] = [
  { bytes: [0xff, 0xfe], reason: 'is UTF-16 text; save it as UTF-8' },
  { bytes: [0xfe, 0xff], reason: 'is UTF-16 text; save it as UTF-8' },
  { bytes: [0x1f, 0x8b], reason: 'is compressed with gzip; unpack it first (gunzip)' },
  {
    bytes: [0x50, 0x4b, 0x03, 0x04],
    reason: 'is an Excel workbook or another zip file; export the sheet as CSV in UTF-8',
  },
  {
    bytes: [0xd0, 0xcf, 0x11, 0xe0],
    reason: 'is an old Excel workbook; export the sheet as CSV in UTF-8',
  },
];
const UTF8_MARK = [0xef, 0xbb, 0xbf];

/** What text begins with that is of another kind than its name or `--format` says. */
const KINDS: readonly { of: readonly InputFormat[]; begins: RegExp; reason: string }[] = [
  {
    of: ['csv', 'tsv', 'json', 'jsonl'],
    begins: /^<(?:!doctype\s+html|html|head|body|script|title)\b/i,
    reason:
      'is a web page (HTML), as a server sends it to who is not signed in: download the file anew, signed in, or export it again',
  },
  {
    of: ['csv', 'tsv', 'json', 'jsonl'],
    begins: /^<\?xml\b|^<(?:rss|feed|urlset)\b/i,
    reason: 'is XML: export it as CSV or JSON',
  },
  { of: ['csv', 'tsv', 'json', 'jsonl'], begins: /^%PDF-/, reason: 'is a PDF: export it as CSV' },
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

/** Names what is not text before anybody reads nonsense from it. */
export function recogniseHead(head: Buffer, format: InputFormat | null): Head {
  const signature = SIGNATURES.find(({ bytes }) => startsWith(head, bytes));
  if (signature !== undefined) return { kind: 'refused', reason: signature.reason };
  const skipBytes = startsWith(head, UTF8_MARK) ? UTF8_MARK.length : 0;
  if (head.length === skipBytes) return { kind: 'refused', reason: 'is empty' };
  const text = head.toString('utf8', skipBytes).trimStart();
  const kind = KINDS.find(
    ({ of, begins }) => (format === null || of.includes(format)) && begins.test(text),
  );
  return kind === undefined
    ? { kind: 'text', skipBytes }
    : { kind: 'refused', reason: kind.reason };
}

function startsWith(head: Buffer, bytes: readonly number[]): boolean {
  return head.length >= bytes.length && bytes.every((byte, position) => head[position] === byte);
}
