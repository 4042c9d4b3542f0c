import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';

/** One `POST /files`. */
export interface FileUpload {
  /** Read as it is sent, and never held whole; what it throws ends the request. */
  content: AsyncIterable<Uint8Array>;
  bytes: number;
  name: string;
  mediaType: string;
  /** Turns on the checks that this model has of its own. */
  model: string;
  /** At most 128 characters. */
  clientRequestId: string;
}

/** A `multipart/form-data` body whose length is known beforehand. */
export interface UploadForm {
  headers: { 'content-type': string; 'content-length': string };
  body: Readable;
}

const leastTimeoutMs = 60_000;
/** A slower line than this is taken for a broken one. */
const slowestBytesPerSecond = 50_000;

/** For a whole upload: longer than for other requests, and the longer the larger the file is. */
export function uploadTimeoutMs(bytes: number): number {
  return leastTimeoutMs + (bytes / slowestBytesPerSecond) * 1_000;
}

/**
 * By hand and not with `FormData`: its files are blobs, and Node's blobs of a file leave a read open
 * (`FileHandleReadWrap`, seen with 20.20) after they were read to their end.
 */
export function uploadForm(upload: FileUpload): UploadForm {
  const boundary = `rivya-batch-${randomBytes(16).toString('hex')}`;
  const fields: [string, string][] = [
    ['kind', upload.mediaType.split('/')[0] ?? ''],
    ['model', upload.model],
    ['client_request_id', upload.clientRequestId],
  ];
  // Fields first: a server that reads as it receives knows what the file is for.
  const head = Buffer.from(
    [
      ...fields.map(([name, value]) => part(boundary, `name="${name}"`, `\r\n${value}\r\n`)),
      part(
        boundary,
        `name="file"; filename="${escaped(upload.name)}"`,
        `Content-Type: ${upload.mediaType}\r\n\r\n`,
      ),
    ].join(''),
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  const body = Readable.from(joined(head, upload.content, tail), { objectMode: false });
  // Whatever ends the request is told by its outcome.
  body.on('error', () => undefined);
  return {
    headers: {
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'content-length': String(head.length + upload.bytes + tail.length),
    },
    body,
  };
}

function part(boundary: string, disposition: string, rest: string): string {
  return `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n${rest}`;
}

/** As browsers do it. */
function escaped(name: string): string {
  return name.replace(/\n/g, '%0A').replace(/\r/g, '%0D').replace(/"/g, '%22');
}

async function* joined(
  head: Buffer,
  content: AsyncIterable<Uint8Array>,
  tail: Buffer,
): AsyncGenerator<Uint8Array> {
  yield head;
  yield* content;
  yield tail;
}
