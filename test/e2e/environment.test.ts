import { readdir } from 'node:fs/promises';
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
      'RIVYA_API_KEY and RIVYA_API_KEY_FILE are both set: leave one of them out.',
      'REDIS_URL_FILE names a file that cannot be read (ENOENT).',
      'The content of MONITOR_PASSWORD_FILE may not hold control characters.',
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

describe.concurrent('options that pay again', () => {
  test('S1: are typed: set in the environment they do nothing, and a warning names the option', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(2));
    const run = ['run', 'in.csv', '--out', 'out', ...mapping];
    expect((await desk.run(run)).code).toBe(0);
    await desk.write('.env', 'RIVYA_BATCH_YES=true\nRIVYA_BATCH_ABANDON=false\n');
    const environment = {
      RIVYA_BATCH_FORCE: '1',
      RIVYA_BATCH_FRESH: 'yes',
      RIVYA_BATCH_IDS: '00001',
    };
    const again = await desk.run(run, { environment });
    expect(again.code).toBe(0);
    for (const option of ['force', 'fresh', 'yes', 'ids']) {
      expect(again.stderr).toContain(
        `RIVYA_BATCH_${option.toUpperCase()} does nothing: type --${option} `,
      );
    }
    expect(again.stderr).not.toContain('ABANDON');
    expect(desk.simulator.bill().total.tasks).toBe(2);
    // A question is not answered by the environment either.
    expect((await desk.run(['retry', 'out', '--ids', '00001'])).code).toBe(2);
  });
});

describe.concurrent('a place that is no folder', () => {
  test('is refused by every command that takes one', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(1));
    await desk.write('spring.yaml', 'files: in.csv\nout: gs://bucket/spring\nmodel: z-image\n');
    const out = 'gs://bucket/spring';
    const commands = [
      ...['run', 'check', 'enqueue'].map((name) => [name, 'in.csv', '--out', out, ...mapping]),
      ['worker', '--out', out],
      ['doctor', '--out', out],
      ['schedule', 'add', 'nightly', 'in.csv', '--cron', '0 2 * * *', '--out', out, ...mapping],
      ['run', '--recipe', 'spring.yaml'],
      ...['verify', 'sheet', 'manifest'].map((name) => [name, out]),
    ];
    for (const command of commands) {
      const { code, stderr } = await desk.run(command);
      expect([command[0], code]).toEqual([command[0], 2]);
      expect(stderr).toContain('Results cannot be written to gs://');
    }
    const { code, stderr } = await desk.run(['check', 'in.csv', '--rejected', out, ...mapping]);
    expect(code).toBe(2);
    expect(stderr).toContain("on this machine's disk");
    expect(await readdir(desk.folder)).not.toContain('gs:');
  });
});
