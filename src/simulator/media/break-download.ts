import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import type { FaultsByPoint } from '../faults/fault.js';
import { flatPicture, smallPicture } from './picture.js';
import type { RenderedFile } from './render-file.js';
import { drawSound } from './sound.js';

export interface SentFile {
  status: number;
  headers: Record<string, string>;
  body: Buffer | Readable | string;
  /** From which point on nothing is sent any more. */
  silent: 'no' | 'from_headers';
}

/** What goes over the line in place of a whole file. */
export function breakDownload(fault: FaultsByPoint['download'], whole: RenderedFile): SentFile {
  const { bytes } = whole;
  const announced = { 'content-length': String(bytes.length) };
  switch (fault.kind) {
    case 'download-status': {
      const { status, retryAfterSeconds: seconds } = fault;
      return page(status, seconds === undefined ? {} : { 'retry-after': String(seconds) });
    }
    case 'download-truncated':
      return sent(announced, Readable.from(firstHalf(bytes)));
    case 'download-wrong-type':
      return somethingElse(fault);
    case 'download-encoding':
      return sent({ 'content-encoding': fault.token }, encoded(bytes, fault.token));
    case 'download-silent':
      return fault.from === 'headers'
        ? { ...sent({}, ''), silent: 'from_headers' }
        : sent(announced, Readable.from(silence(bytes)));
    case 'download-empty':
      return sent({}, Buffer.alloc(0));
    case 'download-redirect':
      return page(302, { location: addresses[fault.to] });
    case 'download-huge': {
      const headers: Record<string, string> =
        fault.length === 'announced' ? { 'content-length': String(fault.bytes) } : {};
      return sent(headers, Readable.from(padded(bytes, fault.bytes)));
    }
    case 'download-bad-picture':
      return sent({}, badPictures[fault.what](bytes));
    case 'download-slow':
      return sent(announced, Readable.from(trickle(bytes, fault)));
    default:
      return fault satisfies never;
  }
}

/** `.example` never resolves; 10.0.0.0/8 is private: a client must follow neither. */
const addresses = {
  http: 'http://media.example/result.png',
  private: 'http://10.0.0.1/result.png',
};

function sent(headers: Record<string, string>, body: SentFile['body']): SentFile {
  return { status: 200, headers, body, silent: 'no' };
}

function page(status: number, headers: Record<string, string>): SentFile {
  const body = `<html><body><h1>${status}</h1></body></html>`;
  return { ...sent({ 'content-type': 'text/html', ...headers }, body), status };
}

function somethingElse({
  what,
  declared,
}: Extract<FaultsByPoint['download'], { kind: 'download-wrong-type' }>): SentFile {
  const { type, body } = otherThings[what];
  return sent(declared === 'truly' ? { 'content-type': type } : {}, body());
}

const otherThings = {
  html: {
    type: 'text/html',
    body: () => '<!doctype html><title>Just a moment...</title><h1>200</h1>',
  },
  json: { type: 'application/json', body: () => '{"message":"The link has expired."}' },
  xml: {
    type: 'application/xml',
    body: () => '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code></Error>',
  },
  text: { type: 'text/plain', body: () => 'Too many requests.\n' },
  pdf: { type: 'application/pdf', body: () => '%PDF-1.4\n%\u00e2\u00e3\n1 0 obj\n' },
  sound: { type: 'audio/wav', body: () => drawSound('not a picture') },
  svg: {
    type: 'image/svg+xml',
    body: () => '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>\n',
  },
};

/** Sent whole, as what it is: nothing on the way tells that it is none. */
const badPictures = {
  cut: (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1),
  damaged: (bytes: Buffer) => Buffer.from(bytes).fill(0x5a, bytes.length >> 1, bytes.length - 12),
  flat: () => flatPicture,
  small: () => smallPicture,
};

const encoders = new Map([
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
]);

/** As the header says, coding by coding; one that nobody knows changes nothing. */
function encoded(bytes: Buffer, header: string): Buffer {
  return header
    .split(',')
    .reduce((body, token) => encoders.get(token.trim().toLowerCase())?.(body) ?? body, bytes);
}

async function* silence(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes.subarray(0, bytes.length >> 1);
  await new Promise(() => undefined);
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
