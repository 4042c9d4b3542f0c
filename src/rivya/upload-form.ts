import { FormData } from 'undici';

/** One `POST /files`. */
export interface FileUpload {
  /** Read as it is sent, and never held whole where it comes from `openAsBlob`. */
  content: Blob;
  name: string;
  mediaType: string;
  /** Turns on the checks that this model has of its own. */
  model: string;
  /** At most 128 characters. */
  clientRequestId: string;
}

const leastTimeoutMs = 60_000;
/** A slower line than this is taken for a broken one. */
const slowestBytesPerSecond = 50_000;

/** For a whole upload: longer than for other requests, and the longer the larger the file is. */
export function uploadTimeoutMs(bytes: number): number {
  return leastTimeoutMs + (bytes / slowestBytesPerSecond) * 1_000;
}

export function uploadForm(upload: FileUpload): FormData {
  const form = new FormData();
  // Fields first: a server that reads as it receives knows what the file is for.
  form.append('kind', upload.mediaType.split('/')[0] ?? '');
  form.append('model', upload.model);
  form.append('client_request_id', upload.clientRequestId);
  form.append('file', upload.content, upload.name);
  return form;
}
