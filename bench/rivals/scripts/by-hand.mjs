// The script that everybody writes: p-limit, p-retry with 3 retries, fetch.
//
// The kind version of it: each request is retried by itself (a retry around the whole would submit anew after a lost
// status check), any answer but 2xx counts as failed, pauses of 1, 2, 4 s are p-retry's own. No idempotency key, as
// such scripts have none; one that is drawn anew for each try would do the same. Polling: every 2 s.
import { setTimeout as sleep } from 'node:timers/promises';
import pRetry from 'p-retry';
import { model } from '../briefs.mjs';
import { apiKey, origin, params, saveEachBrief } from './save-each-brief.mjs';

const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };

function call(path, init) {
  return pRetry(
    async () => {
      const answer = await fetch(`${origin}/api/v1/generations${path}`, { headers, ...init });
      if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
      return answer.json();
    },
    { retries: 3 },
  );
}

await saveEachBrief(async (prompt) => {
  const body = JSON.stringify({ model, prompt, params });
  let task = await call('', { method: 'POST', body });
  while (task.status !== 'succeeded') {
    if (task.status === 'failed') throw new Error(task.error?.message ?? 'failed');
    await sleep(2000);
    task = await call(`/${task.id}`);
  }
  return task.result.urls[0];
});
