import { join } from 'node:path';
import type { FetchSource } from '../producer/options.js';
import { referenceFetcher } from '../producer/references/fetch-reference.js';
import type { FetchReference } from '../producer/references/files.js';
import { sourceFetcher } from '../producer/sources/fetch-source.js';
import { createRivyaClient, type RivyaClient } from '../rivya/client.js';
import { judgeKey } from '../rivya/judge-answer.js';
import type { Refused, Unknown, Unreachable } from '../rivya/outcome.js';
import { BatchError } from '../shared/errors.js';
import { requireApiKey, type Settings } from './environment.js';
import { userAgent } from './store-session.js';

/** Speaks to the API as this environment says; apart from a command's hold on Redis, which most commands need alone. */
export function openClient(settings: Settings): RivyaClient {
  return createRivyaClient({
    origin: settings.origin,
    apiKey: requireApiKey(settings),
    proxy: settings.proxy,
    localPort: settings.simulatorPort ?? undefined,
    userAgent: userAgent,
  });
}

/** What was asked of the API, and not what kept it from being done. */
type Done<Outcome> = Exclude<Outcome, Refused | Unknown | Unreachable>;

/**
 * Asks the API one thing, for a command that is about nothing else.
 * @throws BatchError `key_refused`, `api_unavailable`
 */
export async function askApi<Outcome extends { kind: string }>(
  settings: Settings,
  ask: (client: RivyaClient) => Promise<Outcome | Refused | Unknown | Unreachable>,
): Promise<Done<Outcome>> {
  const client = openClient(settings);
  try {
    const outcome = await ask(client);
    if (isRefused(outcome)) {
      const { code, message } = outcome.refusal;
      const kind = isAboutKey(outcome) ? 'key_refused' : 'api_unavailable';
      throw new BatchError(kind, `The API refused: ${code}. ${message}`);
    }
    if (isUnanswered(outcome)) {
      throw new BatchError(
        'api_unavailable',
        `${settings.origin} gave no answer: ${outcome.reason}`,
      );
    }
    return outcome as Done<Outcome>;
  } finally {
    await client.close();
  }
}

function isRefused(outcome: { kind: string }): outcome is Refused {
  return outcome.kind === 'refused';
}

function isUnanswered(outcome: { kind: string }): outcome is Unknown | Unreachable {
  return outcome.kind === 'unknown' || outcome.kind === 'unreachable';
}

function isAboutKey(outcome: Refused): boolean {
  return outcome.refusal.kind === 'key_refused' || judgeKey(outcome).kind === 'refused';
}

/** Gets inputs that are at an address. */
export function inputFetcherFor({ origin, proxy }: Settings): FetchSource {
  return sourceFetcher({ origin, proxy, userAgent });
}

/** Where what was fetched to be uploaded is kept. */
export function referencesFolder(home: string): string {
  return join(home, 'references');
}

/** Gets references in buckets, and of models that take no URLs those at URLs. */
export function fetcherFor({ origin, s3Endpoint, proxy, home }: Settings): FetchReference {
  const folder = referencesFolder(home);
  return referenceFetcher({ origin, s3Endpoint, proxy, userAgent, folder });
}
