// `replicate.run` in a loop, with the package's own settings.
//
// How it retries (1.4.0, lib/util.js, withAutomaticRetries): up to 6 requests. A request is repeated after 429, a GET
// also after 5xx, and any request, the POST included, after a broken connection. No idempotency key is sent. The pause
// between tries is kept only where it is a whole number (`Number.isInteger(delay)`); with its random part it hardly
// ever is, so the tries follow each other at once. `Retry-After` is read from errors that the wrapped fetch does not
// throw: it has no effect. Polling: every 500 ms.
import Replicate from 'replicate';
import { model } from '../briefs.mjs';
import { apiKey, origin, params, saveEachBrief } from './save-each-brief.mjs';

const replicate = new Replicate({ auth: apiKey, baseUrl: `${origin}/v1` });

await saveEachBrief(async (prompt) => {
  const [url] = await replicate.run(`rivya/${model}`, { input: { prompt, ...params } });
  return url;
});
