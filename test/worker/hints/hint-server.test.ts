import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { startHintServer } from '../../../src/worker/hints/hint-server.js';
import type { EventRead } from '../../../src/worker/hints/read-hint.js';

const path = 'k3x_9-abcdefghijklmnop';
const event = JSON.stringify({
  id: 'evt_1',
  type: 'generation.succeeded',
  data: { id: 'task_1' },
});

async function openServer(patienceMs?: number) {
  const taken: EventRead[] = [];
  const server = await startHintServer({
    desk: { take: (read) => taken.push(read) },
    path,
    place: { host: '127.0.0.1', port: 0 },
    ...(patienceMs === undefined ? {} : { patienceMs }),
  });
  onTestFinished(() => server.close());
  const port = Number(new URL(server.origin).port);
  const send = (called: string, init: RequestInit = {}) =>
    fetch(`${server.origin}/${called}`, { method: 'POST', body: event, ...init });
  const open = async () => {
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  };
  return { taken, send, open };
}

const head = (more: string) =>
  `POST /${path} HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\n${more}\r\n\r\n`;

const ended = (socket: Socket) =>
  new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
  });

/** How much of a body a connection takes until it is ended. */
async function pour(socket: Socket, chunk: string, most: number): Promise<number> {
  const closed = ended(socket);
  let poured = 0;
  while (!socket.destroyed && poured < most) {
    poured += chunk.length;
    if (socket.write(chunk)) continue;
    const drained = new Promise<void>((resolve) => {
      socket.once('drain', () => resolve());
    });
    await Promise.race([drained, closed]);
  }
  await closed;
  return poured;
}

it('takes an event at its path, whatever it is called and wherever it stands', async () => {
  const { taken, send } = await openServer();
  for (const init of [{}, { headers: { 'content-type': 'application/json' } }]) {
    const answer = await send(path, init);
    expect([answer.status, await answer.text()]).toEqual([204, '']);
  }
  expect((await send(`${path}?attempt=2`)).status).toBe(204);
  const hint = { kind: 'hint', event: 'evt_1', taskId: 'task_1' };
  expect(taken).toEqual([hint, hint, hint]);
  // Whoever sends would only send it again.
  for (const body of ['', 'no JSON', '{"type":"webhook.test"}', '[1]']) {
    expect((await send(path, { body })).status).toBe(204);
  }
  expect(taken.slice(3).map(({ kind }) => kind)).toEqual([
    'unreadable',
    'unreadable',
    'other',
    'unreadable',
  ]);
});

it('S8: answers nothing at another path, and takes nothing but POST at its own', async () => {
  const { taken, send } = await openServer();
  const others = ['', path.slice(0, -1), `${path}x`, path.toUpperCase(), `${path}/`, `x/${path}`];
  for (const other of others) expect((await send(other)).status, other).toBe(404);
  expect((await send('other', { method: 'GET', body: null })).status).toBe(404);
  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    const answer = await send(path, { method, body: null });
    expect([method, answer.status, answer.headers.get('allow')]).toEqual([method, 405, 'POST']);
    expect(await answer.text()).toBe('');
  }
  expect(taken).toEqual([]);
});

it('refuses 10 MB without reading them, announced or not, and at any path', async () => {
  const { taken, open } = await openServer();
  const chunk = 'x'.repeat(64 * 1024);
  const tenMegabytes = 10 * 1024 * 1024;
  const announced = head(`content-length: ${tenMegabytes}`);
  for (const [begin, status] of [
    [announced, 413],
    [announced.replace(path, 'elsewhere'), 404],
  ] as const) {
    const socket = await open();
    socket.write(begin);
    // Before a byte of it was sent.
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toContain(`HTTP/1.1 ${status} `);
    // What is on its way in the buffers of both ends, and no more.
    expect(await pour(socket, chunk, tenMegabytes)).toBeLessThan(tenMegabytes);
  }
  const unannounced = await open();
  unannounced.write(head('transfer-encoding: chunked'));
  const inChunks = `${chunk.length.toString(16)}\r\n${chunk}\r\n`;
  expect(await pour(unannounced, inChunks, tenMegabytes)).toBeLessThan(tenMegabytes);
  expect(taken).toEqual([]);
});

it('ends a request whose body does not come, and goes on for others meanwhile', async () => {
  const { taken, send, open } = await openServer(300);
  const slow = await open();
  let answer = '';
  slow.on('data', (data) => {
    answer += data.toString();
  });
  const closed = ended(slow);
  slow.write(`${head(`content-length: ${event.length}`)}${event.slice(0, 10)}`);
  expect((await send(path)).status).toBe(204);
  await closed;
  expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  expect(taken).toHaveLength(1);
});

it('has so many connections at most: what comes beyond is turned away', async () => {
  const { send, open } = await openServer();
  const held = await Promise.all(Array.from({ length: 64 }, open));
  const beyond = await open();
  await ended(beyond);
  for (const socket of held) socket.destroy();
  await expect.poll(async () => (await send(path).catch(() => null))?.status).toBe(204);
});
