import type { LookupFunction } from 'node:net';
import { Agent, buildConnector, type Dispatcher, EnvHttpProxyAgent, Pool } from 'undici';

const connectTimeoutMs = 10_000;

/** Proxies as values; null is none. This folder never reads the environment. */
export interface ProxySettings {
  /** URL of the proxy for `http:` addresses. */
  http: string | null;
  /** URL of the proxy for `https:` addresses. */
  https: string | null;
  /** Hosts that are reached directly, as in `NO_PROXY`: names, `.suffixes`, `host:port`, `*`. */
  noProxy: string | null;
}

export interface DispatcherOptions {
  /** Of the addresses that will be asked: it decides which proxy counts. */
  protocol: 'http:' | 'https:';
  proxy?: ProxySettings | undefined;
  /** Connections at once per host; without it, as many as requests. */
  connections?: number | undefined;
  /** Port on this machine that stands for the host that is asked, whatever it is called: no proxy counts then. */
  localPort?: number | undefined;
  /** Resolves names of hosts that are reached directly; not used for the proxy's own name. */
  lookup?: LookupFunction;
}

/** A keep-alive pool, through a proxy where one applies. */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { protocol, proxy, connections, lookup, localPort } = options;
  if (localPort !== undefined) return new Agent({ connect: toThisMachine(localPort) });
  const uri = (protocol === 'https:' ? proxy?.https : proxy?.http) ?? null;
  const agentOptions = {
    connections: connections ?? null,
    connect: { timeout: connectTimeoutMs, ...(lookup ? { lookup } : {}) },
  } as Agent.Options;
  if (uri === null || uri === '') return new Agent(agentOptions);
  // new URL(...) would put the address, password included, into its error (S8).
  if (!URL.canParse(uri)) throw new Error('The address of the proxy is not a URL.');
  return new EnvHttpProxyAgent({
    ...agentOptions,
    httpProxy: uri,
    httpsProxy: uri,
    // An empty text, because undici reads process.env where it finds nothing.
    noProxy: proxy?.noProxy ?? '',
    clientFactory: createProxyPool,
  });
}

function toThisMachine(port: number): buildConnector.connector {
  const connect = buildConnector({ timeout: connectTimeoutMs });
  return (options, callback) => {
    connect({ ...options, hostname: '127.0.0.1', port: String(port) }, callback);
  };
}

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
function createProxyPool(origin: URL, options: object): Pool {
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
