import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

interface Received {
  headers: Record<string, string>;
  text: string;
  body: Record<string, unknown>;
}

/** A webhook of somebody's: keeps what it is sent, and answers as it is told to. */
export async function startReceiver(
  answer: (response: ServerResponse, nth: number) => void = (response) => response.end(),
) {
  const received: Received[] = [];
  const server = createServer(async (request: IncomingMessage, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const headers = request.headers as Record<string, string>;
    received.push({ headers, text, body: JSON.parse(text) as Record<string, unknown> });
    answer(response, received.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    received,
    origin: `http://127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}/very-secret`,
  };
}
