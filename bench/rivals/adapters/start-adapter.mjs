// A rival's wire protocol in front of the simulator's Rivya API. One request in, one request out; what the API
// answers goes back as it is but for the shape of a success, and a cut connection is cut here too.
import { once } from 'node:events';
import { createServer } from 'node:http';

/** What a refusal may say to a client that listens. */
const keptHeaders = ['content-type', 'retry-after'];

/**
 * @param protocol `translate(request)` gives the request to the API and the shape of its success
 * @param apiOrigin of the simulator
 */
export async function startAdapter(protocol, apiOrigin) {
  let relayed = 0;
  const server = createServer(async (request, reply) => {
    try {
      const { method, path, body, shape } = protocol.translate(await readRequest(request));
      relayed += 1;
      const answer = await fetch(`${apiOrigin}${path}`, {
        method,
        body: body && JSON.stringify(body),
        headers: headersFor(request),
      });
      await passOn(answer, reply, shape);
    } catch (error) {
      // Our own mistakes must not look like the network's.
      if (!isCut(error)) console.error(error);
      reply.destroy();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    relayed: () => relayed,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function readRequest(request) {
  const chunks = await request.toArray();
  const text = Buffer.concat(chunks).toString();
  // fal's client talks to a proxy and names the real address in a header.
  const url = new URL(request.headers['x-fal-target-url'] ?? request.url, 'http://adapter');
  return { method: request.method, path: url.pathname, input: text ? JSON.parse(text) : null };
}

/** The key becomes a Bearer key; an idempotency key is passed on where the rival sends one, and never made up. */
function headersFor({ headers }) {
  const key = headers['idempotency-key'];
  return {
    authorization: headers.authorization.replace(/^Key /, 'Bearer '),
    'content-type': 'application/json',
    ...(key === undefined ? {} : { 'idempotency-key': key }),
  };
}

async function passOn(answer, reply, shape) {
  if (answer.ok) {
    const { status = 200, body } = shape(await answer.json());
    reply.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    return;
  }
  const kept = keptHeaders.filter((name) => answer.headers.has(name));
  const headers = Object.fromEntries(kept.map((name) => [name, answer.headers.get(name)]));
  reply.writeHead(answer.status, headers).end(await answer.text());
}

function isCut(error) {
  return error instanceof TypeError && error.message === 'fetch failed';
}
