import { createServer, connect as dial, type Socket } from 'node:net';

/** Forwards connections to a Redis' socket, cuts them in the middle of whatever they carry, or lets none through. */
export async function openCuttingProxy(socketPath: string) {
  const pairs = new Set<Socket>();
  let line: 'up' | 'down' = 'up';
  const server = createServer((client) => {
    if (line === 'down') {
      client.destroy();
      return;
    }
    const upstream = dial(socketPath);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      pairs.add(from);
      from.on('error', () => undefined);
      from.on('close', () => {
        pairs.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const cut = () => {
    for (const socket of pairs) socket.destroy();
  };
  return {
    url: `redis://127.0.0.1:${address.port}`,
    cut,
    set(next: 'up' | 'down'): void {
      line = next;
      if (line === 'down') cut();
    },
    close(): void {
      server.close();
      cut();
    },
  };
}
