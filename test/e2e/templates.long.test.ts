import { copyFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import type { Desk } from '../support/cli.js';
import { fast, test } from '../support/cli.js';

async function takeExamples(desk: Desk): Promise<void> {
  for (const name of ['shopify-products.csv', 'shopify-prompt.txt']) {
    await copyFile(join('examples', name), join(desk.folder, name));
  }
}

const shopify = ['shopify-products.csv', '--id', 'Handle', '--model', 'z-image', '--skip-invalid'];

describe.concurrent('templates over a shop export', () => {
  test('S4: a prompt from a file, names of their own, and rows without a title left out', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await takeExamples(desk);
    const naming = ['--name', '{{ Title | slugify }}-{{n}}', '--variants', '2'];
    const command = [
      'run',
      ...shopify,
      '--prompt',
      '@shopify-prompt.txt',
      ...naming,
      '--out',
      'out',
    ];
    const { code, stderr } = await desk.run([...command, ...fast]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const lines = await desk.lines('out');
    expect(lines).toHaveLength(26);
    const mug = lines.find(({ brief_id }) => brief_id === 'stoneware-mug/2');
    expect(mug?.prompt).toBe(
      'Studio photo of Stoneware Mug “Harbour” in sea blue, on a kitchen table, soft daylight.\n' +
        'What the shop says of it: Glazed by hand in two dips; the foot is left bare.\n' +
        '- Height: 9 cm\n- Holds 0.3 l\n- Dishwasher & microwave safe',
    );
    expect(mug?.assets[0]?.path).toBe('assets/stoneware-mug-harbour-2.png');
    const hook = lines.find(({ brief_id }) => brief_id === 'brass-hook/1');
    expect(hook?.prompt).toBe(
      'Studio photo of Brass Wall Hook, on a hallway table, soft daylight.\n',
    );
    expect(new Set(await desk.assets('out')).size).toBe(26);
    expect(desk.simulator.bill().total.tasks).toBe(26);
    const verified = await desk.run(['verify', 'out']);
    expect(verified.code).toBe(0);
    const again = await desk.run([...command, ...fast]);
    expect(again.code).toBe(0);
    expect(desk.simulator.bill().total.tasks).toBe(26);
  });

  test('S5: names that fall together are told apart', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('in.csv', 'sku,title\n1,Mug\n2,MUG\n3,Lamp\n');
    const { code } = await desk.run([
      'run',
      'in.csv',
      '--out',
      'out',
      '--id',
      'sku',
      '--model',
      'z-image',
      '--prompt',
      '{{title}}',
      '--name',
      '{{title}}',
      ...fast,
    ]);
    expect(code).toBe(0);
    const names = await desk.assets('out');
    expect(names).toHaveLength(3);
    expect(names.filter((name) => /^mug(~[0-9a-f]{10})?\.png$/i.test(name))).toHaveLength(2);
    expect(names).toContain('Lamp.png');
  });

  test('S1: a lost Redis brings the same names back, and costs nothing again', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ redis: 'private' });
    await desk.write('in.csv', 'sku,title\n1,Mug\n2,MUG\n');
    const naming = ['--id', 'sku', '--model', 'z-image', '--name', '{{title}}'];
    const command = ['run', 'in.csv', '--out', 'out', '--prompt', '{{title}}', ...naming, ...fast];
    expect((await desk.run(command)).code).toBe(0);
    const names = await desk.assets('out');
    await desk.losePrivateRedis();
    await desk.write('in.csv', 'sku,title\n1,Mug\n2,MUG\n3,mug\n');
    expect((await desk.run(command)).code).toBe(0);
    expect(desk.simulator.bill().total.tasks).toBe(3);
    const now = await desk.assets('out');
    expect(now).toHaveLength(3);
    expect(now).toEqual(expect.arrayContaining(names));
    expect(now.filter((name) => name.startsWith('mug~'))).toHaveLength(1);
  });

  test('a template that cannot be read costs nothing, and says where', async ({ openDesk }) => {
    const desk = await openDesk();
    await takeExamples(desk);
    await desk.write('prompt.txt', 'A photo\nof {{ Title | trim | uper }}\n');
    const read = await desk.run(['check', ...shopify, '--prompt', '@prompt.txt']);
    expect(read.code).toBe(2);
    expect(read.stderr).toContain(
      'prompt.txt: there is no filter "uper"; the nearest is "upper" (line 2, character 4).',
    );
    const missing = await desk.run(['check', ...shopify, '--prompt', '{{ Titel | default: "x" }}']);
    expect(missing.code).toBe(2);
    expect(missing.stderr).toContain('did you mean "Title"?');
  });

  test('a schedule keeps the text of its prompt, and all that templates need', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await takeExamples(desk);
    const { code, stderr } = await desk.run([
      'schedule',
      'add',
      'nightly',
      ...shopify,
      '--prompt',
      '@shopify-prompt.txt',
      '--name',
      '{{Handle}}-{{n}}',
      '--keep-html',
      '--cron',
      '0 2 * * *',
      '--out',
      'nights',
    ]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    await rm(join(desk.folder, 'shopify-prompt.txt'));
    const worker = desk.start(['worker', ...fast]);
    expect((await desk.run(['schedule', 'run-now', 'nightly'])).code).toBe(0);
    const { state, out } = await endedRun(desk);
    expect(state).toBe('ended');
    const lines = await desk.lines(out);
    const mug = lines.find(({ brief_id }) => brief_id === 'stoneware-mug');
    expect(mug?.prompt).toContain('in sea blue, on a kitchen table');
    expect(mug?.prompt).toContain('<strong>two dips</strong>');
    expect(mug?.assets[0]?.path).toBe('assets/stoneware-mug-1.png');
    worker.kill('SIGTERM');
    await worker.finished;
  });
});

interface ShownRun {
  state: string;
  out: string;
}

async function endedRun(desk: Desk): Promise<ShownRun> {
  for (;;) {
    const { stdout } = await desk.run(['schedule', 'list', 'nightly', '--json']);
    const [shown] = JSON.parse(stdout) as [{ history: ShownRun[] }];
    const [run] = shown.history;
    if (run && ['ended', 'refused'].includes(run.state)) {
      return { ...run, out: relative(desk.folder, run.out) };
    }
    await sleep(200);
  }
}
