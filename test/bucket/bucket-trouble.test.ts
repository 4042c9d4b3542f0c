import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Bucket } from '../../src/bucket/bucket.js';
import { BucketTrouble } from '../../src/bucket/bucket-trouble.js';
import { closedPort } from '../rivya/stand-in-server.js';
import { type Fault, S3Server } from '../support/s3-server.js';

const server = await S3Server.start('shop');
const home = await mkdtemp(join(tmpdir(), 'rivya-batch-no-credentials-'));
const address = 's3://shop/spring';
let bucket: Bucket;

/** Nothing of this machine counts: neither its files nor its network's roles. */
beforeEach(() => {
  vi.stubEnv('HOME', home);
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value);
  bucket = Bucket.open(address, { endpoint: server.endpoint });
});

afterEach(async () => {
  server.heal();
  vi.unstubAllEnvs();
  await bucket.close();
});

afterAll(async () => {
  await server.stop();
  await rm(home, { recursive: true });
});

const manner = { onlyIf: 'any', mediaType: 'text/plain' } as const;

const actions = {
  put: (at: Bucket) => at.put('a.txt', { text: 'a' }, manner),
  get: (at: Bucket) => at.get('a.txt'),
  head: (at: Bucket) => at.head('a.txt'),
  list: (at: Bucket) => at.list('').next(),
  remove: (at: Bucket) => at.remove('a.txt'),
};

async function troubleOf(asked: Promise<unknown>): Promise<BucketTrouble> {
  const error = await asked.then(
    () => null,
    (caught: unknown) => caught,
  );
  if (!(error instanceof BucketTrouble)) throw new Error('no trouble', { cause: error });
  expect(inspect(error, { depth: 9 })).not.toMatch(/S3RVER|a-secret|AKIA/);
  return error;
}

function refusal(status: number, code: string): Fault {
  return { kind: 'answer', status, code };
}

test.each([
  ['put', 's3:PutObject and s3:AbortMultipartUpload', 'written to'],
  ['get', 's3:GetObject, and s3:ListBucket on the bucket', 'read'],
  ['head', 's3:GetObject, and s3:ListBucket on the bucket', 'read'],
  ['list', 's3:ListBucket on the bucket', 'listed'],
  ['remove', 's3:DeleteObject', 'deleted from'],
] as const)('who may not %s is told which permission lacks', async (action, permission, word) => {
  server.plan({ fault: refusal(403, 'AccessDenied') });
  const { kind, code, message } = await troubleOf(actions[action](bucket));
  expect({ kind, code }).toEqual({ kind: 'lasting', code: 'output_unusable' });
  expect(message).toContain(`${address} may not be ${word} (AccessDenied)`);
  expect(message).toContain(permission);
});

test.each([
  ['put', 400, 'ExpiredToken', 'lasting', /have expired \(ExpiredToken\): get new ones \(aws sso/],
  ['head', 400, 'ExpiredToken', 'lasting', /have expired \(ExpiredToken\)/],
  ['put', 403, 'QuotaExceeded', 'lasting', /no room left .*make room or raise the quota/],
  ['put', 507, 'InsufficientStorage', 'lasting', /no room left/],
  ['put', 400, 'XMinioStorageFull', 'lasting', /no room left/],
  ['put', 301, 'PermanentRedirect', 'lasting', /set AWS_REGION/],
  ['put', 403, 'RequestTimeTooSkewed', 'lasting', /The clock of this machine is wrong/],
  ['put', 501, 'NotImplemented', 'lasting', /If-Match and If-None-Match/],
  ['put', 400, 'InvalidRequest', 'lasting', /could not be written to \(InvalidRequest\)/],
  ['put', 400, 'BadDigest', 'passing', /\(BadDigest\)/],
  ['put', 503, 'SlowDown', 'passing', /cannot be reached just now \(SlowDown\)/],
  ['list', 500, 'InternalError', 'passing', /later: nothing is lost/],
] as const)('%s, refused with %i %s, is %s trouble', async (action, status, code, kind, text) => {
  server.plan({ fault: refusal(status, code) });
  const trouble = await troubleOf(actions[action](bucket));
  expect(trouble.kind).toBe(kind);
  expect(trouble.message).toMatch(text);
});

test('a bucket that is not there is told, and no file in it is taken for absent', async () => {
  const missing = Bucket.open('s3://nowhere', { endpoint: server.endpoint });
  for (const action of ['put', 'get', 'list'] as const) {
    const { kind, message } = await troubleOf(actions[action](missing));
    expect(kind).toBe('lasting');
    expect(message).toContain('There is no bucket for s3://nowhere');
  }
  await missing.close();
});

test.each([
  ['a wrong secret', { AWS_SECRET_ACCESS_KEY: 'a-secret' }, /does not know the credentials/],
  ['an unknown key', { AWS_ACCESS_KEY_ID: 'AKIASECRET' }, /does not know the credentials/],
  ['no key', { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' }, /No usable credentials/],
  ['an unknown profile', { AWS_PROFILE: 'secret' }, /No usable credentials|could not be/],
])('with %s it is told where credentials are looked for', async (_, env, text) => {
  for (const [name, value] of Object.entries(env))
    vi.stubEnv(name, value === '' ? undefined : value);
  if ('AWS_PROFILE' in env) vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
  const { kind, message } = await troubleOf(actions.put(bucket));
  expect(kind).toBe('lasting');
  expect(message).toMatch(text);
});

test('without a region, one is needed at Amazon and none at another service', async () => {
  vi.stubEnv('AWS_REGION', undefined);
  expect((await actions.put(bucket)).kind).toBe('put');
  const amazon = Bucket.open(address, { endpoint: null });
  await expect(actions.put(amazon)).rejects.toThrow('set AWS_REGION');
});

test('a service that is not there, and one that hangs up in an upload, are passing trouble', async () => {
  const gone = Bucket.open(address, { endpoint: `http://127.0.0.1:${await closedPort()}` });
  const refused = await troubleOf(actions.put(gone));
  expect(refused.kind).toBe('passing');
  expect(refused.message).toMatch(/connection was refused .*check S3_ENDPOINT/);
  await gone.close();
  server.plan({ method: 'PUT', fault: { kind: 'cut' } });
  const cut = await troubleOf(actions.put(bucket));
  expect(cut.kind).toBe('passing');
  expect(cut.message).toMatch(/the connection was (closed|reset)/);
});

test('what passes by itself is not heard of: slowed down, cut off, two at once', async () => {
  for (const fault of [
    refusal(503, 'SlowDown'),
    { kind: 'cut' } as const,
    refusal(409, 'ConditionalRequestConflict'),
  ]) {
    server.plan({ method: 'PUT', times: 1, fault });
    const put = await bucket.put(
      `${inspect(fault).length}.txt`,
      { text: 'a' },
      { ...manner, onlyIf: 'absent' },
    );
    expect(put.kind).toBe('put');
  }
});

test('a put whose answer was lost is found to be done, though its condition holds no more', async () => {
  server.plan({ method: 'PUT', times: 1, fault: { kind: 'lose-answer' } });
  const put = await bucket.put('lost.txt', { text: 'mine' }, { ...manner, onlyIf: 'absent' });
  expect(put).toEqual({ kind: 'put', etag: (await bucket.head('lost.txt'))?.etag });
  server.plan({ method: 'PUT', times: 1, fault: { kind: 'lose-answer' } });
  const onlyIf = { etag: put.kind === 'put' ? put.etag : '' };
  const again = await bucket.put('lost.txt', { text: 'mine, and more' }, { ...manner, onlyIf });
  expect(again.kind).toBe('put');
  expect(await server.text('shop', 'spring/lost.txt')).toBe('mine, and more');
});

test('of many who change a file at once, one has put it and all others are told', async () => {
  const first = await bucket.put('one.txt', { text: '0' }, manner);
  const onlyIf = { etag: first.kind === 'put' ? first.etag : '' };
  const texts = Array.from({ length: 8 }, (_, number) => `${number + 1}`);
  const puts = await Promise.all(
    texts.map((content) => bucket.put('one.txt', { text: content }, { ...manner, onlyIf })),
  );
  const winners = texts.filter((_, number) => puts[number]?.kind === 'put');
  expect(winners).toEqual([await server.text('shop', 'spring/one.txt')]);
});

test('a file whose answer breaks off is no file', async () => {
  await bucket.put('long.txt', { text: 'x'.repeat(200_000) }, manner);
  server.plan({ method: 'GET', fault: { kind: 'cut-answer' } });
  const got = await bucket.get('long.txt');
  if (got.kind !== 'found') throw new Error('not found');
  const trouble = await troubleOf(text(got.body));
  expect(trouble.kind).toBe('passing');
});
