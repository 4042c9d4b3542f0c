import { existsSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import type { Desk } from '../support/cli.js';
import { test } from '../support/cli.js';
import { atTerminal } from '../support/terminal.js';
import { makeSheet } from '../support/workbook.js';

const at = (path: string) => `https://shop.example/${path}`;

interface Table {
  file: string;
  content: string | Buffer;
  /** What the recipe says, line by line. */
  recipe: string[];
  briefs: number;
  /** Said to init beside the file. */
  more?: string[];
}

const tables: Record<string, Table> = {
  shopify: {
    file: 'products_export.csv',
    content: `Handle,Title,Body (HTML),Vendor,Option1 Name,Option1 Value,Variant SKU,Image Src\nmug,Mug “Harbour”,<p>Glazed</p>,Ria,Color,Blue,M-1,${at('1.jpg')}\nmug,,,,,Sand,M-2,${at('2.jpg')}\nlamp,Oak lamp,<p>Oak</p>,Lumen,Title,Default Title,L-1,${at('3.jpg')}\n`,
    recipe: ['id: Handle', 'where: Title', 'references: Image Src', 'model: nano-banana'],
    briefs: 2,
  },
  woo: {
    file: 'wc-product-export.csv',
    content: `\ufeffID,Type,SKU,"GTIN, UPC, EAN, or ISBN",Name,Published,"Regular price",Categories,Images\n11,simple,tee-1,,Tee,1,18,"Clothing, Clothing > Tees","${at('a.jpg')}, ${at('b.jpg')}"\n12,variation,tee-1-b,,"Tee - Blue",1,18,,${at('c.jpg')}\n`,
    recipe: ['id: SKU', 'references: Images'],
    briefs: 2,
  },
  google: {
    file: 'feed.tsv',
    content: `id\ttitle\tdescription\tlink\timage_link\tavailability\tprice\n00123\tDesk "Harbour", 30"\tOak; oiled\t${at('p/1')}\t${at('1.jpg?v=1,2')}\tin_stock\t99.00 EUR\n00124\tLamp\tGlass\t${at('p/2')}\t${at('4.jpg')}\tin_stock\t9.00 EUR\n`,
    recipe: ['id: id', 'references: image_link'],
    briefs: 2,
  },
  'semicolons and commas in the header': {
    file: 'presta.csv',
    content: `Product ID;Active (0/1);Name *;Categories (x,y,z...);Price tax excluded;Image URLs (x,y,z...)\n1;1;Walnut lamp;Home,Lamps;25,00;${at('1.jpg')},${at('2.jpg')}\n2;1;Linen apron;Home,Kitchen;19,90;${at('3.jpg')}\n3;1;Oak tray;Home;9,00;\n`,
    recipe: ['id: Product ID', 'references: Image URLs (x,y,z...)'],
    briefs: 3,
  },
  'a report above the header': {
    file: 'titled.csv',
    content:
      'Product report,,\nGenerated 2026-01-05,,\n\nProduct name,Article no.,colour\nRed lamp,00412,red\nGreen lamp,00413,green\n',
    recipe: ['header-row: 4', 'id: Article no.'],
    briefs: 2,
  },
  amazon: {
    file: 'amazon.txt.tsv',
    content: `TemplateType=fptcustom\tVersion=2021.0101\tTemplateSignature=U0hJUlQ=\tThe top 3 rows are for Amazon.com use only.\t\nProduct Type\tSeller SKU\tProduct Name\tKey Product Features\tKey Product Features\nfeed_product_type\titem_sku\titem_name\tbullet_point1\tbullet_point2\nshirt\tSKU-1\tRed cotton shirt\tsoft\twashable\nshirt\tSKU-2\tBlue cotton shirt\tsoft\t\n`,
    recipe: ['header-row: 3', 'id: item_sku', 'model: z-image'],
    briefs: 2,
  },
  'a column without a name': {
    file: 'pandas.csv',
    content: ',sku,title\n0,a1,Red lamp\n1,a2,Green lamp\n',
    recipe: ['id: sku', 'model: z-image'],
    briefs: 2,
  },
  'no ids': {
    file: 'words.csv.gz',
    content: gzipSync('Colour|Thing\nred|a lamp of glass\nred|a lamp of glass\nblue|a mug\n'),
    recipe: ['# None is different in all rows, so files are named by a hash. id: COLUMN'],
    briefs: 2,
  },
  'prompts and models of its own': {
    file: 'briefs.jsonl',
    content:
      '{"id":"a","model":"z-image","prompt":"A fox"}\n{"id":"b","model":"z-image","prompt":"A hare"}\n',
    recipe: ['id: id', '# Rows name their own, in the column "model".'],
    briefs: 2,
  },
  'json from a shop': {
    file: 'catalog.json',
    content: JSON.stringify({
      data: {
        products: [
          { sku: 'a1', name: 'Lamp' },
          { sku: 'a2', name: 'Mug' },
        ],
      },
    }),
    more: ['--items', 'data.products'],
    recipe: ['items: data.products', 'id: sku'],
    briefs: 2,
  },
};

async function recipeOf(
  desk: Desk,
  { file, content }: Pick<Table, 'file' | 'content'>,
  more: string[] = [],
) {
  await desk.write(file, content);
  const { code, stdout, stderr } = await desk.run(['init', file, '--yes', ...more]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const [, name = ''] = /^(\S+\.yaml) is written:$/m.exec(stdout) ?? [];
  return { name, text: await desk.read(name), stdout };
}

describe.concurrent('init', () => {
  test('makes of tables as people have them recipes that the check passes', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    for (const [kind, table] of Object.entries(tables)) {
      const { name, text, stdout } = await recipeOf(desk, table, table.more);
      for (const line of table.recipe) expect(text.split('\n'), kind).toContain(line);
      const checked = await desk.run(['check', '--recipe', name, '--json']);
      expect({ kind, ...checked }).toMatchObject({ code: 0 });
      expect(JSON.parse(checked.stdout), kind).toMatchObject({ briefs: table.briefs, rejected: 0 });
      // What it has printed is that check.
      expect(stdout, kind).toContain(`${table.briefs} briefs to make`);
    }
    const sheet = makeSheet(
      [
        ['sku', 'title'],
        ['a1', 'Lamp'],
        ['a2', 'Mug'],
      ],
      {},
      { name: 'May' },
    );
    const { text } = await recipeOf(desk, { file: 'orders.xlsx', content: sheet }, [
      ...['--sheet', 'May', '--recipe', 'may.yaml', '--prompt', 'A drawing of {{title}}'],
    ]);
    expect(text).toMatch(/^sheet: May$/m);
    expect(text).toMatch(/^prompt: A drawing of \{\{title\}\}$/m);
    expect(desk.simulator.bill().total.tasks).toBe(0);
  });

  test('reads the first rows of a large file, and says what all of them may cost', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    const rows = Array.from(
      { length: 100_000 },
      (_, n) => `${n},Product number ${n},${'x'.repeat(40)}`,
    );
    const { text, stdout } = await recipeOf(desk, {
      file: 'large.csv',
      content: `sku,title,text\n${rows.join('\n')}\n`,
    });
    expect(stdout).toMatch(/^large\.csv: about 1[01]0,000 rows|^large\.csv: about 9\d,000 rows/m);
    expect(text).toMatch(/about (9\d|1[01]\d),000 credits for the file/);
    expect(stdout).toContain(
      'The whole file is read by: npx rivya-batch check --recipe large.yaml',
    );
  });

  test('leaves no recipe behind that its own check refuses', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('shop.csv', 'sku,title\na1,Lamp\na2,Mug\n');
    const slip = await desk.run(['init', 'shop.csv', '--yes', '--prompt', 'Photo of {{titel}}']);
    expect(slip.code).toBe(2);
    expect(slip.stderr).toContain('did you mean "title"?');
    expect(slip.stderr).toContain('shop.yaml is taken back.');
    const again = await desk.run(['init', 'shop.csv', '--yes', '--prompt', 'Photo of {{title}}']);
    expect(again, again.stderr).toMatchObject({ code: 0 });
    expect(existsSync(`${desk.folder}/shop.yaml`)).toBe(true);
  });

  test('asks, with an answer to each question, and writes over nothing unasked', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('shop.csv', 'sku,title\na1,Lamp\na2,Mug\n');
    const answers = {
      'Which table?': '\r',
      'Which column names each row?': '\r',
      'Which model?': '\r',
      'The prompt;': ' at night\r',
      'Where is the recipe written?': '\r',
    };
    const seen = await atTerminal(desk, ['init'], { answers });
    expect(seen.code, seen.text).toBe(0);
    const written = await desk.read('shop.yaml');
    expect(written).toMatch(/^prompt: Studio photo of \{\{title\}\}.* at night$/m);
    const again = await desk.run(['init', 'shop.csv', '--yes']);
    expect(again).toMatchObject({ code: 2 });
    expect(again.stderr).toContain('shop.yaml is there already, and stays as it is');
    expect(await desk.read('shop.yaml')).toBe(written);
  });
});

describe.concurrent('run and check without a word', () => {
  test('take the only recipe of the folder, and nothing where there is another sign (S1)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    const none = await desk.run(['run']);
    expect(none).toMatchObject({ code: 2 });
    expect(none.stderr).toContain('rivya-batch init FILE makes one');
    await desk.write('package.json', '{"name":"shop","files":["dist"]}');
    await recipeOf(desk, { file: 'shop.csv', content: 'sku,title\na1,Lamp\na2,Mug\n' });
    expect((await desk.run(['check', '--json'])).stdout).toContain('"briefs":2');
    // A variable of a script that is empty must not make something else.
    const slip = await desk.run(['run', '--out', 'other']);
    expect(slip).toMatchObject({ code: 2 });
    expect(slip.stderr).toContain('Or add --recipe shop.yaml.');
    // Nor are placeholders an answer to a script.
    const keyless = await desk.run(['run'], { environment: { RIVYA_API_KEY: '' } });
    expect(keyless).toMatchObject({ code: 2 });
    expect(keyless.stderr).toContain('RIVYA_API_KEY is not set');
    expect(existsSync(`${desk.folder}/out`)).toBe(false);
    const simulated = await desk.run(['run', '--simulate', '--json'], {
      environment: { RIVYA_API_KEY: '' },
    });
    expect(simulated, simulated.stderr).toMatchObject({ code: 0 });
    expect(simulated.stderr).toContain('These are placeholders.');
    expect(await desk.lines('out/shop-simulated')).toHaveLength(2);
    const real = await desk.run(['run', '--rate', '500', '--in-flight', '500']);
    expect(real, real.stderr).toMatchObject({ code: 0 });
    expect(await desk.lines('out/shop')).toHaveLength(2);
    expect((await desk.run(['continue', 'shop'])).stderr).toContain('--recipe=');
    await recipeOf(desk, { file: 'second.csv', content: 'sku,title\nb1,Lamp\n' });
    const several = await desk.run(['run']);
    expect(several).toMatchObject({ code: 2 });
    expect(several.stderr).toContain('  rivya-batch run --recipe shop.yaml');
    // The real run comes after the placeholders of a recipe that is named, too; and they can be gone on with.
    const second = ['run', '--recipe', 'second.yaml'];
    expect(await desk.run([...second, '--simulate'])).toMatchObject({ code: 0 });
    expect(await desk.lines('out/second-simulated')).toHaveLength(1);
    const placed = await desk.run(['continue', 'second-simulated']);
    expect(placed.stderr).toMatch(/--out=\S*second-simulated( |$)/m);
    expect(existsSync(`${desk.folder}/out/second`)).toBe(false);
    expect(desk.simulator.bill().total.tasks).toBe(2);
  });

  test('go on with the simulator at a terminal that has no key, after a question', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await recipeOf(desk, { file: 'shop.csv', content: 'sku,title\na1,Lamp\n' });
    desk.environment.RIVYA_API_KEY = '';
    const no = await atTerminal(desk, ['run'], { answers: { 'with the simulator': 'n\r' } });
    expect(no.code, no.text).toBe(2);
    const yes = await atTerminal(desk, ['run'], { answers: { 'with the simulator': 'y\r' } });
    expect(yes.code, yes.text).toBe(0);
    expect(yes.text).toContain('These are placeholders.');
  });
});
