import { createHash } from 'node:crypto';
import { fileTypeFromBuffer } from 'file-type';

export interface UploadedFile {
  id: string;
  name: string;
  kind: 'image' | 'video' | 'audio';
  mimeType: string;
  bytes: Buffer;
  createdAt: number;
  /** As given; null where the upload names none. */
  model: string | null;
  /** Of the content, in hex. */
  sha256: string;
}

export type UploadReading =
  | { kind: 'file'; file: Omit<UploadedFile, 'id' | 'createdAt'> }
  | { kind: 'invalid'; message: string };

/** The documented defaults; MB read as 10^6 bytes. */
const maxBytes = { image: 10e6, video: 50e6, audio: 10e6 };

/** Reads the multipart body of POST /files; like Rivya, it trusts the file's signature and not its name. */
export async function readUpload(body: Buffer, contentType: string): Promise<UploadReading> {
  const form = await parseForm(body, contentType);
  const file = form?.get('file');
  const kind = form?.get('kind');
  if (!form || !file || typeof file === 'string') return invalid('file: required.');
  if (kind !== 'image' && kind !== 'video' && kind !== 'audio') {
    return invalid('kind: must be image, video or audio.');
  }
  if (file.size > maxBytes[kind]) return invalid(`file: larger than ${maxBytes[kind]} bytes.`);
  const bytes = Buffer.from(await file.arrayBuffer());
  const detected = await fileTypeFromBuffer(bytes);
  if (!detected?.mime.startsWith(`${kind}/`)) {
    return invalid(`file: is ${detected?.mime ?? 'of an unknown type'}, not ${kind}.`);
  }
  const model = form.get('model');
  return {
    kind: 'file',
    file: {
      name: file.name,
      kind,
      mimeType: detected.mime,
      bytes,
      model: typeof model === 'string' ? model : null,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    },
  };
}

async function parseForm(body: Buffer, contentType: string): Promise<FormData | null> {
  try {
    return await new Response(body, { headers: { 'content-type': contentType } }).formData();
  } catch (error) {
    // Node's own parser throws this for anything that is not multipart.
    if (error instanceof TypeError) return null;
    throw error;
  }
}

function invalid(message: string): UploadReading {
  return { kind: 'invalid', message };
}
