// `fal.subscribe` in a loop, with the package's own settings.
//
// How it retries (1.10.1, retry.js, queue.js): submission and result up to 4 requests, status up to 6, after 429, 502,
// 503, 504 (status: also 500) and after a broken connection, the submission included. No idempotency key is sent.
// Pauses of 1, 2, 4 ... s, give or take a quarter; `Retry-After` is not read. Polling: every 500 ms, and one more
// request for the result.
import { createFalClient } from '@fal-ai/client';
import { model } from '../briefs.mjs';
import { apiKey, origin, params, saveEachBrief } from './save-each-brief.mjs';

const fal = createFalClient({ credentials: apiKey, proxyUrl: { url: origin, when: 'always' } });

await saveEachBrief(async (prompt) => {
  const { data } = await fal.subscribe(`rivya/${model}`, { input: { prompt, ...params } });
  return data.images[0].url;
});
