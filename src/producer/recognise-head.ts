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

/** Names what is not text before anybody reads nonsense from it. */
export function recogniseHead(head: Buffer): Head {
  const signature = SIGNATURES.find(({ bytes }) => startsWith(head, bytes));
  if (signature !== undefined) return { kind: 'refused', reason: signature.reason };
  const skipBytes = startsWith(head, UTF8_MARK) ? UTF8_MARK.length : 0;
  if (head.length === skipBytes) return { kind: 'refused', reason: 'is empty' };
  return { kind: 'text', skipBytes };
}

function startsWith(head: Buffer, bytes: readonly number[]): boolean {
  return head.length >= bytes.length && bytes.every((byte, position) => head[position] === byte);
}
