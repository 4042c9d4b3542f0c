import { createRivyaClient, type RivyaClient } from '../../rivya/client.js';
import { requireApiKey, type Settings } from '../options/environment.js';
import { userAgent } from '../setup.js';

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
