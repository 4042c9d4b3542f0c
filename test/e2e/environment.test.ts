import { describe, expect } from 'vitest';
import { mapping, productsCsv, test } from '../support/cli.js';

describe.concurrent('secrets in files', () => {
  test('the key and the address of Redis may stand in files', async ({ openDesk }) => {
    const desk = await openDesk({ keys: ['rvya_sk_filed'], credits: 77 });
    await desk.write('key', 'rvya_sk_filed\n');
    await desk.write('redis', `${desk.environment.REDIS_URL}\n`);
    const environment = {
      RIVYA_API_KEY: '',
      RIVYA_API_KEY_FILE: 'key',
      REDIS_URL: '',
      REDIS_URL_FILE: 'redis',
    };
    const { code, stdout } = await desk.run(['doctor', '--json'], { environment });
    expect(code).toBe(0);
    const findings = JSON.parse(stdout) as { subject: string; text: string }[];
    const told = (subject: string) => findings.find((one) => one.subject === subject)?.text;
    expect(told('Redis')).toContain(desk.environment.REDIS_URL?.replace('unix://', ''));
    expect(told('Rivya API')).toContain('77 credits left');
  });

  test('S8: what is wrong with them is told all at once, with exit 2 and no value', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('key', 'rvya_sk_filed\n');
    await desk.write('password', 'tab\there\n');
    const environment = {
      RIVYA_API_KEY: 'rvya_sk_plain',
      RIVYA_API_KEY_FILE: 'key',
      REDIS_URL: '',
      REDIS_URL_FILE: 'nowhere',
      MONITOR_PASSWORD_FILE: 'password',
    };
    const { code, stderr } = await desk.run(['credits'], { environment });
    expect(code).toBe(2);
    expect(stderr.trimEnd().split('\n')).toEqual([
      'RIVYA_API_KEY and RIVYA_API_KEY_FILE are both set: leave one of them out',
      'REDIS_URL_FILE names a file that cannot be read (ENOENT)',
      'What MONITOR_PASSWORD_FILE holds may not hold control characters',
    ]);
  });
});

describe.concurrent('--prefix', () => {
  test('keeps installations that share one Redis apart', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(1));
    const queue = ['enqueue', 'in.csv', '--batch', 'own', ...mapping];
    const prefix = `${desk.environment.RIVYA_BATCH_PREFIX}-b`;
    expect((await desk.run([...queue, '--prefix', prefix])).code).toBe(0);
    expect((await desk.run(['status', '--json'])).stdout).not.toContain('own');
    const theirs = await desk.run(['status', '--json', '--prefix', prefix]);
    expect(JSON.parse(theirs.stdout)).toMatchObject([{ batch: 'own' }]);
    const refused = await desk.run(['status', '--prefix', 'a:b']);
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toContain('--prefix may hold letters');
  });
});
