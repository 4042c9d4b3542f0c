import type { LookupFunction } from 'node:net';
import { Webhook as Signer } from 'standardwebhooks';
import { request } from 'undici';
import type { Message, Webhook } from '../ledger/message-ledger.js';
import { createDispatcher, type ProxySettings } from '../rivya/dispatcher.js';
import { headerText, retryAfterMs } from '../rivya/headers.js';
import {
  guardedLookup,
  isInsideHost,
  privateAddress,
  privateAddressCode,
} from '../rivya/safe-url.js';
import { describeFailure, errorCode } from '../rivya/transport-failure.js';
import type { Clock } from '../shared/clock.js';

/** The reasons hold nothing of the URL, which is a secret (S8). */
export type PostOutcome =
  | { kind: 'told' }
  /** The receiver says that it is not there any more, for good. */
  | { kind: 'gone'; why: string }
  | { kind: 'failed'; why: string; retryAfterMs: number | null };

export interface PostSettings {
  proxy: ProxySettings;
  userAgent: string;
  /** `whsec_` and base64; null where nothing is signed. */
  secret: string | null;
  /** The time of day, which receivers compare theirs with. */
  clock: Clock;
  /** Resolves host names; the system's unless said. */
  lookup?: LookupFunction;
}

export type PostMessage = (
  message: Pick<Message, 'id' | 'body'>,
  webhook: Webhook,
  signal: AbortSignal,
) => Promise<PostOutcome>;

const timeoutMs = 10_000;
const insideWhy =
  'it leads into a private network or to this machine, which only --notify-private allows';

/**
 * Posts a message to a webhook of the user's, once. Redirects are not followed: they would carry it elsewhere. Signed as
 * Standard Webhooks asks, with a fresh time at each try.
 */
export function messagePoster(settings: PostSettings): PostMessage {
  const signer = settings.secret === null ? null : new Signer(settings.secret);
  const lookup = guardedLookup(settings.lookup);
  return async (message, webhook, signal) => {
    if (webhook.trust === 'signed' && signer === null) {
      return failed(
        'its messages are signed, and RIVYA_BATCH_NOTIFY_SECRET is not set where it was tried',
      );
    }
    const url = new URL(webhook.url);
    const { proxy } = settings;
    const protocol = url.protocol === 'http:' ? 'http:' : 'https:';
    const guarded = webhook.network === 'public';
    if (guarded && isInsideHost(url.hostname)) return failed(insideWhy);
    const proxied = protocol === 'http:' ? proxy.http : proxy.https;
    // A proxy resolves names itself, past the guard of our own connections.
    const inside = guarded && proxied !== null && (await privateAddress(url.hostname, lookup));
    if (inside) return failed(insideWhy);
    const dispatcher = createDispatcher({ protocol, proxy, ...(guarded ? { lookup } : {}) });
    const ended = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    try {
      const { statusCode, headers, body } = await request(url, {
        dispatcher,
        method: 'POST',
        headers: headersOf(message, settings, signer),
        body: message.body,
        signal: ended,
      });
      // What it says is of no interest, however long it is.
      body.on('error', () => undefined).destroy();
      const now = settings.clock.now();
      const date = headerText(headers, 'date');
      return judge(statusCode, retryAfterMs(headerText(headers, 'retry-after'), { now, date }));
    } catch (error) {
      if (errorCode(error) === privateAddressCode) return failed(insideWhy);
      return failed(ended.aborted ? 'it did not answer in time' : describeFailure(error));
    } finally {
      await dispatcher.destroy();
    }
  };
}

function headersOf(
  { id, body }: Pick<Message, 'id' | 'body'>,
  { clock, userAgent }: PostSettings,
  signer: Signer | null,
): Record<string, string> {
  const at = new Date(clock.now());
  return {
    'content-type': 'application/json',
    'user-agent': userAgent,
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    ...(signer === null ? {} : { 'webhook-signature': signer.sign(id, at, body) }),
  };
}

function judge(status: number, retryAfter: number | null): PostOutcome {
  if (status >= 200 && status < 300) return { kind: 'told' };
  if (status === 410) return { kind: 'gone', why: 'it answered HTTP 410' };
  const redirect = status >= 300 && status < 400 ? ', and redirects are not followed' : '';
  return {
    kind: 'failed',
    why: `it answered HTTP ${status}${redirect}`,
    retryAfterMs: retryAfter,
  };
}

function failed(why: string): PostOutcome {
  return { kind: 'failed', why, retryAfterMs: null };
}
