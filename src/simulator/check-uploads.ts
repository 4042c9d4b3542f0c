import type { SimulatedApi } from './simulated-api.js';
import type { Submission } from './submission.js';

export const referenceGone =
  'params.referenceMediaItems: an uploaded file is not known, or has expired.';

/** Whether every URL of ours that a submission refers to still leads to an upload; others are not looked at. */
export function knowsUploads(api: SimulatedApi, { params }: Submission): boolean {
  const items = Array.isArray(params.referenceMediaItems) ? params.referenceMediaItems : [];
  return items.every((item) => {
    const { url } = item as { url: string };
    const [, fileId] = /\/uploads\/(file_\w+)(?:\?|$)/.exec(url) ?? [];
    return fileId === undefined || isAlive(api, fileId);
  });
}

function isAlive({ history, settings, clock }: SimulatedApi, fileId: string): boolean {
  const file = history.uploads.get(fileId);
  const lifetimeMs = settings.uploadLifetimeMs ?? Number.POSITIVE_INFINITY;
  return file !== undefined && clock.now() < file.createdAt + lifetimeMs;
}
