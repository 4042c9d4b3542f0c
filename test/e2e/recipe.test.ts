import { describe, expect } from 'vitest';
import { fast, test } from '../support/cli.js';

const shop = `Handle,Title,Option1 Value,Status
lamp,Desk Lamp,red,active
lamp,,green,active
rug,Rug,,draft
chair,Chair,oak,active
`;

const recipe = `# Two pictures of each variant that is on sale.
files: shop.csv
out: ../results
batch: spring
id: '{{handle}}-{{option1 value}}'
model: z-image
fill-down: [Title]
fill-down-within: Handle
where:
  - Status = active
rate: 200
in-flight: 50
max-credits: 100
outputs:
  white:
    prompt: '{{title}} in {{option1 value}} on white'
    variants: 2
  room:
    prompt: '{{title}} in a room'
    params: { aspect_ratio: [1:1, 16:9] }
    when: Option1 Value != green
`;

describe.concurrent('a recipe', () => {
  test('is the whole command: files beside it, several pictures of a row', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('catalog/shop.csv', shop);
    await desk.write('catalog/spring.yaml', recipe);
    const { code, stderr } = await desk.run(['run', '--recipe', 'catalog/spring.yaml']);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const lines = await desk.lines('results');
    expect(
      lines.map(({ brief_id, params }) => [brief_id, params.aspect_ratio ?? '-']).sort(),
    ).toEqual([
      ['chair-oak/room/1-1', '1:1'],
      ['chair-oak/room/16-9', '16:9'],
      ['chair-oak/white/1', '-'],
      ['chair-oak/white/2', '-'],
      ['lamp-green/white/1', '-'],
      ['lamp-green/white/2', '-'],
      ['lamp-red/room/1-1', '1:1'],
      ['lamp-red/room/16-9', '16:9'],
      ['lamp-red/white/1', '-'],
      ['lamp-red/white/2', '-'],
    ]);
    expect(lines.find(({ brief_id }) => brief_id === 'lamp-green/white/1')?.prompt).toBe(
      'Desk Lamp in green on white',
    );
    expect(desk.simulator.bill().total).toMatchObject({ tasks: 10 });
    const verified = await desk.run(['verify', 'results']);
    expect(verified).toMatchObject({ code: 0 });
    const again = await desk.run(['run', '--recipe', 'catalog/spring.yaml']);
    expect(again.code).toBe(0);
    expect(desk.simulator.bill().total).toMatchObject({ tasks: 10 });
  });

  test('gives way to the command line, and comes before the environment', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('shop.csv', shop);
    await desk.write(
      'r.json',
      JSON.stringify({ files: 'none.csv', model: 'suno-music', limit: 3 }),
    );
    const args = ['check', 'shop.csv', '--recipe', 'r.json', '--model', 'z-image', '--json'];
    const prompt = ['--prompt', '{{Handle}}', '--variants', '3'];
    const { code, stdout, stderr } = await desk.run([...args, ...prompt], {
      environment: { RIVYA_BATCH_LIMIT: '1' },
    });
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(JSON.parse(stdout)).toMatchObject({ rows: 3, briefs: 6, duplicates: 1 });
  });

  test('names the line of what is wrong, and spends nothing', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('shop.csv', shop);
    await desk.write('r.yaml', 'files: shop.csv\nmodel: z-image\nrate: 0\noutt: x\n');
    const { code, stderr } = await desk.run(['run', '--recipe', 'r.yaml']);
    expect(code).toBe(2);
    expect(stderr).toContain('r.yaml, line 3: rate must be more than 0.');
    expect(stderr).toContain('r.yaml, line 4: there is no setting "outt".');
    await desk.write(
      'r.yaml',
      `files: shop.csv
model: z-image
outputs:
  caption: { model: gpt-5-2-chat, prompt: 'About {{Title}}' }
  still:
    prompt: >-
      {{Title}}:
      {{ outputs.caption.text }}
  film:
    after: stil
`,
    );
    const unnamed = await desk.run(['check', '--recipe', 'r.yaml']);
    expect(unnamed.code).toBe(2);
    expect(unnamed.stderr).toContain(
      'r.yaml, line 10: output film, after: there is no output "stil": did you mean "still"?',
    );
    await desk.write('r.yaml', (await desk.read('r.yaml')).replace('after: stil', 'after: still'));
    const unordered = await desk.run(['check', '--recipe', 'r.yaml']);
    expect(unordered.code).toBe(2);
    expect(unordered.stderr).toContain(
      'r.yaml, line 6: output still, prompt: "outputs.caption.text": output still does not come after it: add "after: caption" to still',
    );
    await desk.write('r.yaml', 'files: shop.csv\nmodel: z-image\n');
    const withoutOut = await desk.run(['run', '--recipe', 'r.yaml']);
    expect(withoutOut).toMatchObject({ code: 2 });
    expect(withoutOut.stderr).toContain('--out DIR');
    expect(desk.simulator.bill().total).toMatchObject({ tasks: 0 });
  });

  test('is kept by a schedule as it was when it was added', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('catalog/shop.csv', shop);
    await desk.write('catalog/spring.yaml', recipe);
    const add = ['schedule', 'add', 'nightly', '--cron', '0 2 * * *', '--tz', 'UTC'];
    const added = await desk.run([...add, '--recipe', 'catalog/spring.yaml']);
    expect(added).toMatchObject({ code: 0 });
    expect(added.stderr).toContain('it makes 10 briefs');
    await desk.write('catalog/spring.yaml', 'files: none.csv\n');
    await desk.run(['schedule', 'run-now', 'nightly']);
    const worker = desk.start(['worker', ...fast]);
    await desk.tasksMade(10);
    worker.kill('SIGTERM');
    expect((await worker.finished).code).toBe(0);
    expect(desk.simulator.bill().total).toMatchObject({ tasks: 10 });
  });
});
