import { Redis } from 'ioredis';
import { describe, expect, inject } from 'vitest';
import type { Finding } from '../../src/cli/commands/doctor-checks.js';
import { checkClock, checkNode } from '../../src/cli/commands/doctor-checks.js';
import { type Desk, test } from '../support/cli.js';
import { openCuttingProxy } from '../support/cutting-proxy.js';

async function diagnose(desk: Desk, environment: Record<string, string> = {}) {
  const { code, stdout } = await desk.run(['doctor', '--out', 'out', '--json'], { environment });
  const findings = JSON.parse(stdout) as Finding[];
  const of = (subject: string) => findings.filter((finding) => finding.subject === subject);
  return { code, findings, of, text: stdout };
}

describe.concurrent('doctor', () => {
  test('finds nothing wrong where nothing is, and spends nothing', async ({ openDesk }) => {
    const desk = await openDesk({ redis: 'private' });
    const { code, findings, of } = await diagnose(desk);
    expect(findings.filter(({ level }) => level !== 'ok')).toEqual([]);
    expect(code).toBe(0);
    expect(of('Scope').map(({ text }) => text)).toEqual([
      'the key has generations:read',
      'the key has generations:create',
      'the key has files:create',
    ]);
    expect(of('Clock').map(({ text }) => text)).toEqual([
      'agrees with Redis',
      'agrees with the API',
    ]);
    expect(of('Memory')[0]?.text).toMatch(/left: room for about [\d,]+ more briefs$/);
    expect(of('Time zones')).toHaveLength(1);
    expect(of('Output folder')[0]?.text).toMatch(/writable, \d+ GB left/);
    expect(desk.simulator.bill().total).toMatchObject({ tasks: 0, spent: 0 });
  });

  test('says which scope a key lacks, and warns of a Redis that keeps nothing', async ({
    openDesk,
  }) => {
    const scopes = ['credits:read', 'generations:read'];
    const desk = await openDesk({ keys: [{ key: 'rvya_sk_desk', scopes }] });
    const { code, of } = await diagnose(desk);
    expect(code).toBe(1);
    expect(of('Scope').map(({ level }) => level)).toEqual(['ok', 'error', 'warning']);
    expect(of('Scope')[2]?.text).toMatch(/^files:create is missing .* with references to files/);
    expect(of('Scope')[1]?.text).toMatch(
      /^generations:create is missing \(api_scope_denied\).*Create a key that has it$/,
    );
    expect(of('Redis').map(({ level }) => level)).toEqual(['ok', 'warning']);
  });

  test('without a key or an answer says what to do, for people too', async ({ openDesk }) => {
    const desk = await openDesk();
    const keyless = await desk.run(['doctor'], { environment: { RIVYA_API_KEY: '' } });
    expect(keyless.code).toBe(1);
    expect(keyless.stdout).toMatch(/error +Rivya API +RIVYA_API_KEY is not set/);
    const away = await diagnose(desk, { RIVYA_BASE_URL: 'http://127.0.0.1:1' });
    expect(away.code).toBe(1);
    expect(away.of('Rivya API')[0]?.text).toMatch(/gave no answer/);
    expect(away.text).not.toContain('rvya_sk_desk');
  });
});

test('a user of Redis that lacks a right is told so in a sentence', async ({ openDesk }) => {
  const desk = await openDesk();
  const redis = new Redis({ path: inject('redisSocket') });
  const user = desk.environment.RIVYA_BATCH_PREFIX ?? '';
  const rights = ['~elsewhere:*', '&*', '+@all', '-@dangerous', '+info'];
  await redis.call('ACL', 'SETUSER', user, 'on', '>pa55word', ...rights);
  const proxy = await openCuttingProxy(inject('redisSocket'));
  try {
    const environment = { REDIS_URL: proxy.url.replace('//', `//${user}:pa55word@`) };
    const { code, of, text } = await diagnose(desk, environment);
    expect(code).toBe(1);
    expect(of('Redis')[0]?.text).toMatch(/^Redis refuses \(NOPERM .*RIVYA_BATCH_PREFIX/);
    const shown = await desk.run(['status'], { environment });
    expect(shown.stderr).toMatch(/Redis refuses \(NOPERM/);
    expect(shown.stderr).not.toMatch(/please report| at /);
    expect(text + shown.stderr).not.toContain('pa55word');
    await redis.call('ACL', 'SETUSER', user, `~${user}:*`);
    expect(await diagnose(desk, environment)).toMatchObject({ code: 0 });
  } finally {
    proxy.close();
    await redis.call('ACL', 'DELUSER', user);
    redis.disconnect();
  }
});

test('a clock that is off, and a Node that is too old, come with the remedy', () => {
  expect(checkClock('Redis', -900)).toMatchObject({ level: 'ok' });
  expect(checkClock('Redis', -61_000)).toEqual({
    subject: 'Clock',
    level: 'warning',
    text: 'this machine is 61 s behind Redis: set both clocks by NTP',
  });
  expect(checkNode('20.18.1')).toMatchObject({ level: 'error' });
  expect(checkNode('24.0.0')).toMatchObject({ level: 'ok' });
});
