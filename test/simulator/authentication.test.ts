import { expect, test } from 'vitest';
import { withSimulator } from './with-simulator.js';

const keys = [
  'plain',
  { key: 'old', state: 'expired' as const },
  { key: 'gone', state: 'revoked' as const },
  { key: 'narrow', scopes: ['generations:read'] },
];

test.each([
  ['', 401, 'api_key_missing'],
  ['Basic abc', 401, 'api_key_missing'],
  ['Bearer nobody', 401, 'api_key_invalid'],
  ['Bearer old', 401, 'api_key_expired'],
  ['Bearer gone', 401, 'api_key_revoked'],
  ['Bearer narrow', 403, 'api_scope_denied'],
])('"%s" answers %i %s', async (authorization, status, code) => {
  const { send } = await withSimulator({ keys });
  const refused = await send('/api/v1/credits', { headers: { authorization } });
  expect(refused.status).toBe(status);
  expect(refused.body.error).toEqual({
    code,
    message: expect.any(String),
    requestId: expect.any(String),
  });
});

test('a listed key is accepted; without a list any key with the prefix is', async () => {
  const { send, control } = await withSimulator({ keys });
  const as = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });
  expect((await send('/api/v1/credits', as('plain'))).status).toBe(200);
  expect((await send('/api/v1/generations/x', as('narrow'))).status).toBe(404);
  await control({ keys: null });
  expect((await send('/api/v1/credits', as('plain'))).status).toBe(401);
  expect((await send('/api/v1/credits', as('rvya_sk_any'))).status).toBe(200);
});
