import { describe, expect, it } from 'vitest';
import { frozen, newClient, queuedTask } from './new-client.js';
import { closedPort, sendJson, startRawServer, startServer } from './stand-in-server.js';
import { startProxy } from './start-proxy.js';

describe('proxies', () => {
  const settings = (port: number, noProxy: string | null = null) => ({
    proxy: { http: `http://me:secret@127.0.0.1:${port}`, https: null, noProxy },
  });

  it('tunnels through the proxy, which never sees the key', async () => {
    const server = await startServer(sendJson(queuedTask));
    const proxy = await startProxy(server.port);
    const client = newClient('http://api.example:8080', settings(proxy.port));
    expect(await client.submit(frozen)).toMatchObject({ kind: 'accepted' });
    expect(server.seen[0]?.headers).not.toHaveProperty('proxy-authorization');
    expect(proxy.tunnels).toHaveLength(1);
    expect(proxy.tunnels[0]).toMatch(/^CONNECT api\.example:8080 HTTP\/1\.1\r\n/);
    expect(proxy.tunnels[0]).toContain(Buffer.from('me:secret').toString('base64'));
    expect(proxy.tunnels[0]).not.toContain('rvya_sk_');
  });

  it('goes past the proxy for hosts in noProxy', async () => {
    const server = await startServer(sendJson(queuedTask));
    const proxy = await startProxy(server.port);
    const client = newClient(server.origin, settings(proxy.port, 'example.com,127.0.0.1'));
    expect(await client.submit(frozen)).toMatchObject({ kind: 'accepted' });
    expect(proxy.connections()).toBe(0);
  });

  it('does not take the http proxy for https', async () => {
    const proxy = await startProxy(await closedPort());
    const client = newClient(`https://127.0.0.1:${await closedPort()}`, settings(proxy.port));
    expect(await client.submit(frozen)).toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    expect(proxy.connections()).toBe(0);
  });

  it('is unreachable without the proxy', async () => {
    const client = newClient('http://api.example', settings(await closedPort()));
    expect(await client.submit(frozen)).toMatchObject({
      kind: 'unreachable',
      cause: { code: 'ERR_RIVYA_PROXY' },
    });
  });

  it('is unreachable when the proxy says no', async () => {
    const proxy = await startRawServer((socket) => {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n');
    });
    const client = newClient('http://api.example', settings(proxy.port));
    expect(await client.submit(frozen)).toMatchObject({ kind: 'unreachable' });
  });

  it('dials a proxy that hangs up only once', async () => {
    const proxy = await startRawServer((socket) => socket.destroy());
    const client = newClient('https://api.example', {
      proxy: { http: null, https: `http://127.0.0.1:${proxy.port}`, noProxy: null },
      requestTimeoutMs: 2_000,
    });
    expect(await client.submit(frozen)).toMatchObject({
      kind: 'unreachable',
      cause: { code: 'ERR_RIVYA_PROXY' },
    });
    expect(proxy.connections()).toBe(1);
  });

  it('does not wait for ever for a proxy that says nothing', async () => {
    const proxy = await startRawServer(() => undefined);
    const client = newClient('http://api.example', {
      ...settings(proxy.port),
      requestTimeoutMs: 100,
    });
    expect(await client.submit(frozen)).toMatchObject({
      kind: 'unreachable',
      cause: { code: 'ERR_RIVYA_DEADLINE' },
    });
  });
});
