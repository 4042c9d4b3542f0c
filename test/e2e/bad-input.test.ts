import { describe, expect } from 'vitest';
import { fast, mapping, test } from '../support/cli.js';

const bad: Record<string, { content: string | Buffer; says: RegExp; flags?: string[] }> = {
  'empty.csv': { content: '', says: /empty/i },
  'header-only.csv': { content: 'sku,title\n', says: /no rows/i },
  'utf16.csv': { content: Buffer.from('\uFEFFsku,title\n1,Mug\n', 'utf16le'), says: /UTF-16/i },
  'latin1.csv': { content: Buffer.from('sku,title\n1,Caf\xe9\n', 'latin1'), says: /UTF-8/i },
  'binary.csv': { content: Buffer.from([0x50, 0x4b, 3, 4, 0, 0, 0, 0]), says: /Excel|zip|text/i },
  'twice.csv': { content: 'sku,title,title\n1,a,b\n', says: /title/ },
  'no-such-column.csv': { content: 'sku,name\n1,Mug\n', says: /title/ },
  'open-quote.csv': { content: 'sku,title\n1,"Mug\n2,Lamp\n', says: /quote/i },
  'broken.json': { content: '[{"sku":"1","title":"Mug"},', says: /JSON/ },
  'ragged.csv': { content: 'sku,title\n1,Mug\n2\n', says: /cell/i },
  'empty-value.csv': { content: 'sku,title\n1,Mug\n2,\n', says: /title/ },
  'clash.csv': { content: 'sku,title\n1,Mug\n1,Lamp\n', says: /row 2/ },
};

describe.concurrent('a bad file is one clear sentence, exit 2, and nothing is spent', () => {
  for (const [name, { content, says }] of Object.entries(bad)) {
    test(name, async ({ openDesk }) => {
      const desk = await openDesk();
      await desk.write(name, content);
      const { code, stderr, stdout } = await desk.run([
        'run',
        name,
        '--out',
        'out',
        ...mapping,
        ...fast,
      ]);
      expect(stdout + stderr).toMatch(says);
      expect(stderr).not.toMatch(/\n\s+at /);
      expect(code).toBe(2);
      expect(Object.keys(desk.simulator.bill().requests.byEndpoint)).toEqual(['models']);
    });
  }

  test('a missing file', async ({ openDesk }) => {
    const desk = await openDesk();
    const { code, stderr } = await desk.run(['run', 'nowhere.csv', '--out', 'out', ...mapping]);
    expect(stderr).toContain('nowhere.csv');
    expect(code).toBe(2);
  });

  test('every fault is in rejected.jsonl; --skip-invalid goes on without those rows (S4)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', 'sku,title\n1,Mug\n2,\n3,Lamp\n1,Mug\n4,\n');
    const refused = await desk.run(['run', 'in.csv', '--out', 'out', ...mapping, ...fast]);
    expect(refused.code).toBe(2);
    const rejected = (await desk.read('out/rejected.jsonl')).trimEnd().split('\n');
    expect(rejected.map((line) => JSON.parse(line))).toMatchObject([
      { row: 3, column: 'title' },
      { row: 6, column: 'title' },
    ]);
    expect(Object.keys(desk.simulator.bill().requests.byEndpoint)).toEqual(['models']);
    const skipped = await desk.run([
      'run',
      'in.csv',
      '--out',
      'out',
      '--skip-invalid',
      ...mapping,
      ...fast,
    ]);
    expect(skipped.code).toBe(0);
    expect((await desk.report('out')).counts).toMatchObject({
      briefs: 5,
      rejected: 2,
      duplicate: 1,
      admitted: 2,
      succeeded: 2,
      pending: 0,
    });
  });
});

describe.concurrent('bad usage', () => {
  test('a misspelt option gets a suggestion and exit 2', async ({ openDesk }) => {
    const desk = await openDesk();
    const { code, stderr } = await desk.run(['run', 'a.csv', '--out', 'out', '--promt', 'x']);
    expect(stderr).toMatch(/--prompt/);
    expect(code).toBe(2);
  });

  test('without a key nothing starts, and the sentence says what to set', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('in.csv', 'sku,title\n1,Mug\n');
    const environment = { RIVYA_API_KEY: '' };
    const { code, stderr } = await desk.run(['run', 'in.csv', '--out', 'out', ...mapping], {
      environment,
    });
    expect(stderr).toContain('RIVYA_API_KEY');
    expect(code).toBe(2);
  });

  test('stdin needs a name for its batch where there is no folder', async ({ openDesk }) => {
    const desk = await openDesk();
    const { code, stderr } = await desk.run(['enqueue', '-', '--format', 'csv', ...mapping]);
    expect(stderr).toContain('--batch');
    expect(code).toBe(2);
  });

  test('Redis that is not there is an error within seconds, never a hang', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('in.csv', 'sku,title\n1,Mug\n');
    const environment = { REDIS_URL: 'redis://user:hunter2@127.0.0.1:1' };
    const { code, stderr } = await desk.run(['run', 'in.csv', '--out', 'out', ...mapping], {
      environment,
    });
    expect(stderr).toMatch(/127\.0\.0\.1:1/);
    expect(stderr).not.toContain('hunter2');
    expect(code).toBe(1);
  });

  test('check submits nothing and starts no Redis', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('in.csv', 'sku,title\n1,Mug\n2,Lamp\n');
    const environment = { REDIS_URL: 'redis://127.0.0.1:1' };
    const { code, stdout } = await desk.run(['check', 'in.csv', '--json', ...mapping], {
      environment,
    });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ rows: 2, briefs: 2, rejected: 0, duplicates: 0 });
    expect(desk.simulator.bill().requests.byEndpoint.submit).toBeUndefined();
  });
});
