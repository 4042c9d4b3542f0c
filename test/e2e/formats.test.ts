import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { fast, mapping, productsCsv, test } from '../support/cli.js';

const briefs = [
  { id: '00123', model: 'z-image', prompt: 'A mug', params: { aspect_ratio: '1:1' }, shelf: 4 },
  { id: 'ß-ü', model: 'z-image', prompt: 'Кружка\n"red"', note: 'second' },
  { id: 'third', model: 'z-image', prompt: 'マグカップ' },
];

const inputs = {
  'briefs.json': JSON.stringify(briefs),
  'wrapped.json': JSON.stringify({ briefs }),
  'briefs.jsonl': briefs.map((brief) => JSON.stringify(brief)).join('\n'),
  'briefs.csv':
    '\uFEFFid,model,prompt,params,shelf,note\r\n' +
    '00123,z-image,A mug,"{""aspect_ratio"":""1:1""}",4,\r\n' +
    'ß-ü,z-image,"Кружка\n""red""",,,second\r\n' +
    'third,z-image,マグカップ,,,\r\n',
  'briefs.tsv':
    'id\tmodel\tprompt\tparams.aspect_ratio\n00123\tz-image\tA mug\t1:1\nß-ü\tz-image\tКружка "red"\t\nthird\tz-image\tマグカップ\t\n',
};

describe.concurrent('every format, from file to manifest', () => {
  for (const [name, content] of Object.entries(inputs)) {
    test(`${name}: one file and one line a brief (S4, S5)`, async ({ openDesk }) => {
      const desk = await openDesk();
      await desk.write(name, content);
      const { code, stderr } = await desk.run(['run', name, '--out', 'out', ...fast]);
      expect({ code, stderr }).toMatchObject({ code: 0 });
      const lines = await desk.lines('out');
      expect(lines.map((line) => line.brief_id).sort()).toEqual(['00123', 'third', 'ß-ü'].sort());
      expect(lines.every((line) => line.status === 'succeeded')).toBe(true);
      expect(lines.find((line) => line.brief_id === '00123')?.params).toEqual({
        aspect_ratio: '1:1',
      });
      for (const line of lines) {
        const [asset] = line.assets;
        const bytes = await readFile(join(desk.folder, 'out', asset?.path ?? ''));
        expect(bytes.length).toBe(asset?.bytes);
        expect(createHash('sha256').update(bytes).digest('hex')).toBe(asset?.sha256);
      }
      expect(await desk.assets('out')).toEqual(['00123.png', 'third.png', 'ß-ü.png'].sort());
      const bill = desk.simulator.bill();
      expect(bill.total).toMatchObject({ tasks: 3, spent: 3 });
      expect(bill.authorizationViolations).toEqual([]);
    });
  }

  test('stdin, with a template, an id column and variants', async ({ openDesk }) => {
    const desk = await openDesk();
    const { code } = await desk.run(
      [
        'run',
        '-',
        '--format',
        'csv',
        '--batch',
        'piped',
        '--out',
        'out',
        '--variants',
        '2',
        ...mapping,
        ...fast,
      ],
      { input: productsCsv(3) },
    );
    expect(code).toBe(0);
    const lines = await desk.lines('out');
    expect(lines.map((line) => line.brief_id).sort()).toEqual([
      '00001/1',
      '00001/2',
      '00002/1',
      '00002/2',
      '00003/1',
      '00003/2',
    ]);
    expect(lines[0]?.prompt).toMatch(/^Photo of Product \d$/);
    expect(desk.simulator.bill().total.tasks).toBe(6);
  });

  test('what an API answered: fields inside objects and lists (S1)', async ({ openDesk }) => {
    const desk = await openDesk();
    const product = (id: number, title: string, status: string, images: string[]) => ({
      product: {
        id,
        title,
        body_html: id === 1 ? '<p>Small &amp; <b>round</b>' : null,
        status,
        variants: [{ option1: 'Sea Blue' }, { option1: 'Sand' }],
        images: images.map((src) => ({ src })),
      },
    });
    const products = [
      product(1, 'Mug "Harbour"', 'active', ['https://cdn.example.com/1.jpg']),
      product(2, 'Lamp', 'draft', []),
      product(3, 'Rug', 'active', []),
    ];
    await desk.write('api.json', JSON.stringify({ next: null, products }));
    const prompt =
      '{{ product.title | upper }}, {{ product.variants.1.option1 }}{% if product.images.0.src %}, as shown{% endif %}. {{ product.body_html | default: "Plain" }}';
    const command = ['run', 'api.json', '--out', 'out', '--id', '{{product.id}}', ...fast];
    const making = ['--model', 'z-image', '--prompt', prompt, '--where', 'product.status = active'];
    const naming = ['--name', '{{ product.title | slugify }}'];
    const { code, stderr } = await desk.run([...command, ...making, ...naming]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const lines = await desk.lines('out');
    expect(Object.fromEntries(lines.map((line) => [line.brief_id, line.prompt]))).toEqual({
      1: 'MUG "HARBOUR", Sand, as shown. Small & round',
      3: 'RUG, Sand. Plain',
    });
    expect(await desk.assets('out')).toEqual(['mug-harbour.png', 'rug.png']);
    expect(desk.simulator.bill().total).toMatchObject({ tasks: 2 });
  });

  test('a TSV with quotes, empty cells and options of rows (S1)', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write(
      'p.tsv',
      'Handle\tTitle\tSize\r\nmug\tA "wide" mug, 1"\tS\r\nmug\t\tL\r\nrug\t<b>Rug</b>\t\r\n',
    );
    const rows = ['--fill-down', 'title', '--fill-down-within', 'handle', '--where', 'size'];
    const making = ['--id', '{{handle}}-{{size}}', '--model', 'z-image', '--name', '{{handle}}'];
    const command = ['run', 'p.tsv', '--out', 'out', ...rows, ...making, ...fast];
    const { code, stderr } = await desk.run([...command, '--prompt', '{{title}}, {{size}}']);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const lines = await desk.lines('out');
    expect(Object.fromEntries(lines.map((line) => [line.brief_id, line.prompt]))).toEqual({
      'mug-S': 'A "wide" mug, 1", S',
      'mug-L': 'A "wide" mug, 1", L',
    });
    expect(await desk.assets('out')).toHaveLength(2);
    expect(desk.simulator.bill().total).toMatchObject({ tasks: 2 });
  });

  test('manifest.csv keeps the input order and is safe to open in a spreadsheet', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', 'sku,title\n=1+1,Bomb\n00007,Mug\n@home,Lamp\n');
    const { code } = await desk.run(['run', 'in.csv', '--out', 'out', ...mapping, ...fast]);
    expect(code).toBe(0);
    const rows = (await desk.read('out/manifest.csv')).trimEnd().split('\n');
    expect(rows.slice(1).map((row) => row.split(',')[0])).toEqual(["'=1+1", '00007', "'@home"]);
    const printed = await desk.run(['manifest', 'out', '--format', 'json']);
    expect(JSON.parse(printed.stdout).map((line: { brief_id: string }) => line.brief_id)).toEqual([
      '=1+1',
      '00007',
      '@home',
    ]);
  });

  test('names of files are unique without regard to case', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('in.csv', 'sku,title\nABC,One\nabc,Two\na/c,Three\na_c,Four\nCON,Five\n');
    const { code } = await desk.run(['run', 'in.csv', '--out', 'out', ...mapping, ...fast]);
    expect(code).toBe(0);
    const names = await desk.assets('out');
    expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(5);
    expect(names.some((name) => /^con\./i.test(name))).toBe(false);
  });
});
