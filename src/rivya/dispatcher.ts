import type { LookupFunction } from 'node:net';
import { Agent, buildConnector, type Dispatcher, EnvHttpProxyAgent } from 'undici';
import { createProxyPool } from './proxy-pool.js';

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
