import { request } from 'undici';
import { createDispatcher, type ProxySettings } from '../../rivya/dispatcher.js';
import { describeFailure } from '../../rivya/transport-failure.js';
import type { RunNotice } from '../../shared/schedule/run-notice.js';

/** The reason holds nothing of the URL, which may be a secret (S8). */
export type PostOutcome = { kind: 'taken' } | { kind: 'refused'; reason: string };

const timeoutMs = 10_000;

export interface PostOptions {
  proxy: ProxySettings;
  userAgent: string;
}

/** Posts a notice to a webhook of the user's, once; redirects are not followed, as they would carry it elsewhere. */
export async function postWebhook(
  url: string,
  notice: RunNotice,
  { proxy, userAgent }: PostOptions,
): Promise<PostOutcome> {
  const protocol = url.startsWith('http:') ? 'http:' : 'https:';
  const dispatcher = createDispatcher({ protocol, proxy });
  try {
    const { statusCode, body } = await request(url, {
      dispatcher,
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': userAgent },
      body: JSON.stringify(notice),
      signal: AbortSignal.timeout(timeoutMs),
    });
    await body.dump();
    if (statusCode >= 200 && statusCode < 300) return { kind: 'taken' };
    return { kind: 'refused', reason: `it answered HTTP ${statusCode}` };
  } catch (error) {
    return { kind: 'refused', reason: describeFailure(error) };
  } finally {
    await dispatcher.close();
  }
}
