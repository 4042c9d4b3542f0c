import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import {
  type AddressInfo,
  createServer as createRawServer,
  type Server,
  type Socket,
} from 'node:net';
import { onTestFinished } from 'vitest';
import { selfSigned } from './self-signed.js';

interface Seen {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

export interface StandIn {
  origin: string;
  port: number;
  /** Whole requests, in the order of arrival. */
  seen: Seen[];
  /** Connections ever accepted. */
  connections: () => number;
}

type Respond = (...parameters: [...Parameters<RequestListener>, Seen]) => void;

/** A real HTTP server on a free port, closed when the test ends. */
export async function startServer(respond: Respond): Promise<StandIn> {
  const seen: Seen[] = [];
  const server = createServer(recording(respond, seen));
  return { ...(await listen(server, 'http')), seen };
}

/** The same with TLS and a certificate that nobody trusts. */
export async function startSecureServer(respond: Respond): Promise<StandIn> {
  const seen: Seen[] = [];
  const server = createSecureServer(selfSigned, recording(respond, seen));
  return { ...(await listen(server, 'https')), seen };
}

/** A server that speaks bytes: `onData` is called with what a connection sent so far. */
export async function startRawServer(
  onData: (socket: Socket, received: string) => void,
): Promise<Omit<StandIn, 'seen'>> {
  const server = createRawServer((socket) => {
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      onData(socket, received);
    });
  });
  return listen(server, 'http');
}

/** The port of a server that is no more. */
export async function closedPort(): Promise<number> {
  const server = createRawServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export function sendJson(
  value: unknown,
  status = 200,
  headers: Record<string, string> = {},
): Respond {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(value));
  };
}

function recording(respond: Respond, seen: Seen[]): RequestListener {
  return (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const entry = { method, url, headers, body: Buffer.concat(chunks).toString('utf8') };
      seen.push(entry);
      respond(request, response, entry);
    });
  };
}

async function listen(server: Server, scheme: string): Promise<Omit<StandIn, 'seen'>> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  server.on('connection', (socket) => {
    accepted += 1;
    sockets.add(socket);
    // Clients of these tests hang up on purpose.
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  const { port } = server.address() as AddressInfo;
  return { origin: `${scheme}://127.0.0.1:${port}`, port, connections: () => accepted };
}
