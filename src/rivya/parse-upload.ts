import { asAmount, asRecord, asText } from './lenient-fields.js';
import type { UploadedFile } from './outcome.js';

/** The answer to an upload; its shape was never documented. Null where there is no URL, without which it is of no use. */
export function parseUpload(json: unknown): UploadedFile | null {
  const body = asRecord(json);
  // Some of this API's answers wrap what they name.
  const file = asRecord(body?.file) ?? asRecord(body?.data) ?? body;
  const url = asText(file?.url)?.trim() ?? null;
  if (file === null || url === null || !URL.canParse(url)) return null;
  return {
    url,
    id: asText(file.id) ?? asText(file.file_id),
    durationToken: asText(file.duration_token),
    durationSeconds: asAmount(file.duration_seconds) ?? asAmount(file.duration),
  };
}
