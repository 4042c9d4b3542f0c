import { type Dispatcher, Pool } from 'undici';

const longestTunnelWaitMs = 15_000;

/** A tunnel that could not be had; nothing of the request that wanted it was sent. */
class ProxyFailed extends Error {
  override readonly name = 'ProxyFailed';
  readonly code = 'ERR_RIVYA_PROXY';
}

/**
 * The connections to a proxy, for undici's `clientFactory`.
 * undici 7 takes a proxy's hang-up during CONNECT (UND_ERR_SOCKET) for a passing fault and dials again
 * at once, without end: thousands of connections a second. An error with another code stops that.
 */
export function createProxyPool(origin: URL, options: object): Pool {
  const pool = new Pool(origin, { ...options, headersTimeout: longestTunnelWaitMs });
  const open = pool.connect.bind(pool) as (
    options: Dispatcher.ConnectOptions,
  ) => Promise<Dispatcher.ConnectData>;
  const connect = async (wanted: Dispatcher.ConnectOptions): Promise<Dispatcher.ConnectData> => {
    try {
      return await open(wanted);
    } catch (cause) {
      throw new ProxyFailed('The proxy could not be used.', { cause });
    }
  };
  return Object.assign(pool, { connect });
}
