import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { FaultsByPoint } from '../faults/fault.js';
import type { RenderedFile } from './render-file.js';

export interface SentFile {
  status: number;
  headers: Record<string, string>;
  body: Buffer | Readable | string;
}

/** What goes over the line in place of a whole file. */
export function breakDownload(fault: FaultsByPoint['download'], whole: RenderedFile): SentFile {
  const { bytes } = whole;
  const announced = { 'content-length': String(bytes.length) };
  switch (fault.kind) {
    case 'download-status':
      return page(fault.status, {});
    case 'download-truncated':
      return { status: 200, headers: announced, body: Readable.from(firstHalf(bytes)) };
    case 'download-wrong-type':
      return page(200, { 'content-type': 'text/html' });
    case 'download-empty':
      return { status: 200, headers: {}, body: Buffer.alloc(0) };
    case 'download-redirect':
      return page(302, { location: addresses[fault.to] });
    case 'download-huge': {
      const headers: Record<string, string> =
        fault.length === 'announced' ? { 'content-length': String(fault.bytes) } : {};
      return { status: 200, headers, body: Readable.from(padded(bytes, fault.bytes)) };
    }
    case 'download-slow':
      return { status: 200, headers: announced, body: Readable.from(trickle(bytes, fault)) };
    default:
      return fault satisfies never;
  }
}

/** `.example` never resolves; 10.0.0.0/8 is private: a client must follow neither. */
const addresses = {
  http: 'http://media.example/result.png',
  private: 'http://10.0.0.1/result.png',
};

function page(status: number, headers: Record<string, string>): SentFile {
  const body = `<html><body><h1>${status}</h1></body></html>`;
  return { status, headers: { 'content-type': 'text/html', ...headers }, body };
}

async function* firstHalf(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes.subarray(0, bytes.length >> 1);
  throw new Error('truncated on demand');
}

async function* padded(start: Buffer, bytes: number): AsyncGenerator<Buffer> {
  const zeros = Buffer.alloc(65_536);
  const header = start.subarray(0, Math.min(start.length, bytes, 33));
  yield header;
  for (let left = bytes - header.length; left > 0; left -= zeros.length) {
    yield left < zeros.length ? zeros.subarray(0, left) : zeros;
  }
}

async function* trickle(
  bytes: Buffer,
  { bytesPerSecond }: { bytesPerSecond: number },
): AsyncGenerator<Buffer> {
  const step = Math.max(1, Math.round(bytesPerSecond / 10));
  for (let start = 0; start < bytes.length; start += step) {
    yield bytes.subarray(start, start + step);
    await delay((1000 * step) / bytesPerSecond, undefined, { ref: false });
  }
}
