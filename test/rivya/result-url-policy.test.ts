import { describe, expect, it } from 'vitest';
import { isPublicAddress, judgeResultUrl } from '../../src/rivya/safe-url.js';

describe('addresses', () => {
  it.each(['8.8.8.8', '1.1.1.1', '2001:4860:4860::8888', '::ffff:8.8.8.8', '64:ff9b::808:808'])(
    '%s is public',
    (address) => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );

  it.each([
    '127.0.0.1',
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '169.254.169.254',
    '0.0.0.0',
    '192.0.2.1',
    '198.18.0.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:0:10.0.0.1',
    '64:ff9b::a00:1',
    '64:ff9b:1::a00:1',
    '2002:7f00:1::',
    'fe80::1',
    'fe80::1%eth0',
    'fc00::1',
    'fec0::1',
    'ff02::1',
    '2001:db8::1',
    'no address',
    '',
  ])('%s is not', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});

describe('URLs', () => {
  const api = 'https://rivya.ai';
  const local = 'http://127.0.0.1:8080';

  it.each([
    ['https://media.example/a.png?token=1', api, false],
    ['https://media.example:8443/a', api, false],
    ['https://8.8.8.8/a', api, false],
    ['https://rivya.ai/a', api, true],
    ['http://127.0.0.1:8080/a', local, true],
    ['https://127.0.0.1:8080/a', local, true],
    ['http://2130706433:8080/a', local, true],
    ['https://notlocalhost/a', api, false],
  ])('allows %s for %s', (url, origin, trusted) => {
    expect(judgeResultUrl(url, origin)).toMatchObject({ kind: 'allowed', trusted });
  });

  it.each([
    ['http://media.example/a', api],
    ['http://rivya.ai/a', api],
    ['ftp://media.example/a', api],
    ['file:///etc/passwd', api],
    ['data:text/plain,x', api],
    ['/relative', api],
    ['', api],
    ['https://user@media.example/a', api],
    ['https://:pass@rivya.ai/a', api],
    ['https://127.0.0.1/a', api],
    ['https://2130706433/a', api],
    ['https://0x7f.1/a', api],
    ['https://127.0.0.1./a', api],
    ['https://[::1]/a', api],
    ['https://[::ffff:10.0.0.1]/a', api],
    ['https://169.254.169.254/latest/meta-data', api],
    ['https://localhost/a', api],
    ['https://LOCALHOST./a', api],
    ['https://files.localhost/a', api],
    ['http://127.0.0.1:8081/a', local],
    ['https://127.0.0.1:8081/a', local],
    ['http://127.0.0.1/a', local],
    ['http://localhost:8080/a', local],
    ['https://rivya.ai@127.0.0.1/a', api],
  ])('S8: refuses %s for %s', (url, origin) => {
    expect(judgeResultUrl(url, origin).kind).toBe('refused');
  });

  it('S8: quotes nothing of the URL', () => {
    const verdict = judgeResultUrl('http://media.example/a?token=SECRET', api);
    expect(verdict).toEqual({
      kind: 'refused',
      reason: "The result's URL is not fetched: it is not https.",
    });
  });
});
