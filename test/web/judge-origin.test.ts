import { describe, expect, it } from 'vitest';
import { isLoopback, judgeOrigin, namesThisMachine } from '../../src/web/guard-server.js';

describe('where a request comes from', () => {
  const host = '127.0.0.1:3020';

  it.each([
    [{ host, 'sec-fetch-site': 'same-origin' }, 'same'],
    [{ host, origin: 'http://127.0.0.1:3020' }, 'same'],
    [{ host: 'monitor.example.com', origin: 'https://monitor.example.com' }, 'same'],
    [{ host, 'sec-fetch-site': 'cross-site', origin: 'http://127.0.0.1:3020' }, 'other'],
    [{ host, 'sec-fetch-site': 'same-site' }, 'other'],
    [{ host, origin: 'https://evil.example' }, 'other'],
    [{ host, origin: 'http://127.0.0.1:4000' }, 'other'],
    [{ host, origin: 'null' }, 'other'],
    [{ host }, 'other'],
  ])('%j is %s', (headers, judged) => {
    expect(judgeOrigin(headers)).toBe(judged);
  });

  it('knows the names of this machine, and is not taken in by names that begin like them', () => {
    for (const name of ['localhost:3020', '127.0.0.1', '[::1]:3020']) {
      expect(namesThisMachine(name)).toBe(true);
    }
    for (const name of [
      'evil.example:3020',
      '127.0.0.1.evil.example',
      'localhost.evil',
      undefined,
    ]) {
      expect(namesThisMachine(name)).toBe(false);
    }
    expect(isLoopback('::1')).toBe(true);
    expect(isLoopback('0.0.0.0')).toBe(false);
  });
});
