import { describe, expect, it } from 'vitest';
import { hideSecrets } from '../../src/monitor/hide-secrets.js';

describe('what leaves the monitor', () => {
  it('S8: holds no key, no webhook secret and no query of an absolute URL', () => {
    const json = JSON.stringify({ urls: ['https://cdn.example/a.png?sig=secret&x=1#part', 'b'] });
    expect(hideSecrets(json)).toBe('{"urls":["https://cdn.example/a.png?[hidden]","b"]}');
    const page = '<dd>HTTPS://cdn.example/a.png?a=1&amp;b=2</dd> rvya_sk_abc whsec_x';
    expect(hideSecrets(page)).toBe(
      '<dd>HTTPS://cdn.example/a.png?[hidden]</dd> rvya_sk_[redacted] whsec_[redacted]',
    );
  });

  it('S8: holds no login of an absolute URL', () => {
    const text = 'https://me:pass@files.test/a.csv, http://token@x?b=1 and me@mail.test';
    expect(hideSecrets(text)).toBe(
      'https://[hidden]@files.test/a.csv, http://[hidden]@x?[hidden] and me@mail.test',
    );
    expect(hideSecrets('https://files.test/@me')).toBe('https://files.test/@me');
  });

  it('leaves links of its own as they are', () => {
    expect(hideSecrets('<a href="/batch?name=a">')).toBe('<a href="/batch?name=a">');
  });
});
