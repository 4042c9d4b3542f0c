import Fastify from 'fastify';
import { describe, expect, it, onTestFinished } from 'vitest';
import { listen } from '../../src/shared/listen.js';
import { type Guard, guardServer } from '../../src/web/guard-server.js';
import { TokenLogin } from '../../src/web/token-login.js';
import { type Asked, ask } from '../support/ask.js';

const login = { user: 'monitor', password: 'a long word: ümlaut' };
const basic = (password: string) => ({
  authorization: `Basic ${Buffer.from(`${login.user}:${password}`).toString('base64')}`,
});

async function openServer(patch: Partial<Guard> = {}) {
  const token = new TokenLogin();
  let nowMs = 1_000_000;
  const server = Fastify({ forceCloseConnections: true });
  await guardServer(server, {
    whose: 'review',
    login: null,
    token,
    clock: { now: () => nowMs },
    ...patch,
  });
  server.get('/*', async () => 'the page');
  server.post('/*', async () => 'done');
  onTestFinished(() => server.close());
  const remedy = 'none';
  const origin = await listen(server, { host: '127.0.0.1', port: 0 }, { whose: 'It', remedy });
  const get = (path: string, asked?: Asked) => ask(origin, path, asked);
  const arrive = async () => {
    const { headers } = await get(`/?token=${token.token}`);
    const [cookie = ''] = headers['set-cookie'] ?? [];
    return { cookie: cookie.split(';')[0] ?? '' };
  };
  const wait = (ms: number) => {
    nowMs += ms;
  };
  return { origin, token, get, arrive, wait };
}

describe('a token in the printed address', () => {
  it('is exchanged for a cookie that only this server gets, and leaves the address', async () => {
    const { origin, token, get, arrive } = await openServer();
    expect(token.addressAt(origin)).toBe(`${origin}/?token=${token.token}`);
    const arrival = await get(`/some/page?a=1&token=${token.token}&b=%2F`);
    expect(arrival.status).toBe(303);
    expect(arrival.headers.location).toBe('/some/page?a=1&b=%2F');
    expect(String(arrival.headers['set-cookie'])).toMatch(
      /^rivya_batch_\w+=[\w-]{32}; Path=\/; HttpOnly; SameSite=Strict$/,
    );
    expect(arrival.headers['referrer-policy']).toBe('no-referrer');
    expect(await get('/', { headers: await arrive() })).toMatchObject({
      status: 200,
      text: 'the page',
    });
  });

  it('leads nowhere else, however the address begins', async () => {
    const { token, get } = await openServer();
    for (const path of ['//evil.example/x', '/\\evil.example/x', '/%2F/evil.example/x']) {
      const { status, headers } = await get(`${path}?token=${token.token}`);
      expect([path, status]).toEqual([path, 303]);
      expect(String(headers.location)).toMatch(/^\/[^/\\]/);
    }
  });

  it('is asked for on every path and with every method; without one nothing is told', async () => {
    const { get } = await openServer();
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const refused = await get('/assets/a.png', { method });
      expect([method, refused.status]).toEqual([method, 401]);
      expect(refused.text).toBe('Open the address that was printed: it holds a token.\n');
      expect(refused.headers['www-authenticate']).toBeUndefined();
    }
  });

  it('may be sent by programs as a bearer, and by nobody in the address of an action', async () => {
    const { origin, token, get } = await openServer();
    const authorization = `Bearer ${token.token}`;
    expect((await get('/', { headers: { authorization } })).status).toBe(200);
    const posted = { method: 'POST', headers: { authorization, origin } };
    expect((await get('/', posted)).status).toBe(200);
    const inAddress = { method: 'POST', headers: { origin } };
    expect((await get(`/?token=${token.token}`, inAddress)).status).toBe(401);
  });

  it('slows guessing as of a password: the right one is not told from wrong ones meanwhile', async () => {
    const { token, get, arrive, wait } = await openServer();
    const reader = await arrive();
    const guesses = await Promise.all(
      Array.from({ length: 20 }, (_, index) => get(`/?token=guess${index}`)),
    );
    expect(guesses.filter(({ status }) => status === 401)).toHaveLength(6);
    expect(guesses.filter(({ status }) => status === 429)).toHaveLength(14);
    expect((await get(`/?token=${token.token}`)).headers['retry-after']).toBe('1');
    const bearer = { authorization: `Bearer ${token.token}` };
    expect((await get('/', { headers: bearer })).status).toBe(429);
    expect((await get('/', { headers: reader })).status).toBe(200);
    wait(1_000);
    expect((await get(`/?token=${token.token}`)).status).toBe(303);
  });

  it('an open page of a server that has ended locks nobody out', async () => {
    const { token, get } = await openServer();
    const cookie = (await (await openServer()).arrive()).cookie;
    for (let time = 0; time < 10; time += 1) {
      expect((await get('/events', { headers: { cookie } })).status).toBe(401);
    }
    expect((await get(`/?token=${token.token}`)).status).toBe(303);
  });

  it('lets a page of another site link here: the browser is asked once more, from here', async () => {
    const { get } = await openServer();
    const navigation = { 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'cross-site' };
    const linked = await get('/', { headers: navigation });
    expect(linked.status).toBe(401);
    expect(linked.text).toContain('http-equiv="refresh"');
    const again = { ...navigation, 'sec-fetch-site': 'same-origin' };
    expect((await get('/', { headers: again })).text).toContain('Open the address');
  });
});

describe('a token beside a password', () => {
  it('either lets its holder in', async () => {
    const { get, arrive } = await openServer({ login });
    const asked = await get('/');
    expect(asked.status).toBe(401);
    expect(asked.headers['www-authenticate']).toMatch(/^Basic realm="rivya-batch review"/);
    expect((await get('/', { headers: basic(login.password) })).status).toBe(200);
    expect((await get('/', { headers: basic('x') })).status).toBe(401);
    expect((await get('/', { headers: await arrive() })).status).toBe(200);
  });
});

describe('an action', () => {
  it('is taken from no other site, and from nobody who does not say where he comes from', async () => {
    const { origin, get, arrive } = await openServer();
    const reader = await arrive();
    const post = (headers: Record<string, string>) =>
      get('/decisions', { method: 'POST', headers: { ...reader, ...headers } });
    expect((await post({ origin })).status).toBe(200);
    expect((await post({ 'sec-fetch-site': 'same-origin' })).status).toBe(200);
    for (const headers of [
      {},
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: 'http://127.0.0.1:1' },
      { origin, 'sec-fetch-site': 'cross-site' },
    ]) {
      const { status, text } = await post(headers as Record<string, string>);
      expect([headers, status]).toEqual([headers, 403]);
      expect(text).toBe('Actions are taken from the pages of the review alone.\n');
    }
  });

  it('nor from a page whose own name points here: it has no cookie', async () => {
    const { get } = await openServer();
    const headers = { host: 'evil.example:3021', origin: 'http://evil.example:3021' };
    expect((await get('/decisions', { method: 'POST', headers })).status).toBe(401);
  });
});

describe('without a login', () => {
  it('this machine alone is answered, by its own names', async () => {
    const { get } = await openServer({ token: null });
    expect((await get('/')).status).toBe(200);
    const rebound = await get('/', { headers: { host: 'evil.example:3021' } });
    expect(rebound.status).toBe(403);
    expect(rebound.text).toBe('Without a login the review answers to localhost alone.\n');
  });
});
