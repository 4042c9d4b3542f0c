import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';
import { type Desk, fast, mapping, productsCsv, test } from '../support/cli.js';

const bundled = new URL('../../dist/bin/rivya-batch.js', import.meta.url).pathname;
const run = ['run', 'in.csv', '--out', 'spring', ...mapping, ...fast];

/** A shell that has `npx`, as a person has one: what is printed is typed as it stands. */
async function type(desk: Desk, line: string, folder = desk.folder) {
  const npx = `npx() { shift; '${process.execPath}' '${bundled}' "$@"; }`;
  const typed = promisify(execFile)('/bin/sh', ['-c', `${npx}; ${line}`], {
    cwd: folder,
    env: { ...desk.environment, NO_COLOR: '1' },
  });
  return typed.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => {
      return { code, stdout, stderr };
    },
  );
}

/** The last line of ours that stands alone. */
function commandIn(text: string): string {
  const lines = text.split('\n').filter((line) => line.startsWith('  npx rivya-batch '));
  return lines.at(-1)?.trim() ?? `nothing to type in:\n${text}`;
}

const prompts = (desk: Desk) => desk.simulator.asked().map(({ prompt }) => prompt);

describe.concurrent('continue', () => {
  test('S1: what a capped run prints is typed in another folder, and makes the rest as the batch had it', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('it’s mine.csv', productsCsv(4));
    await desk.write('prompt.txt', "It's {{title}}\n");
    const wanted = ['--id', 'sku', '--prompt', '@prompt.txt', '--param', 'aspect_ratio=1:1'];
    const capped = await desk.run(
      ['run', 'it’s mine.csv', '--out', 'spring', ...wanted, ...fast, '--max-credits', '1'],
      { environment: { RIVYA_BATCH_MODEL: 'z-image' } },
    );
    expect(capped.code).toBe(4);
    const line = commandIn(capped.stdout);
    expect(line).toMatch(/^npx rivya-batch continue spring --max-credits \d+$/);
    await mkdir(join(desk.folder, 'elsewhere'));
    const went = await type(desk, line, join(desk.folder, 'elsewhere'));
    expect(went.code, went.stderr).toBe(0);
    expect(prompts(desk).sort()).toEqual([1, 2, 3, 4].map((number) => `It's Product ${number}`));
    expect(desk.simulator.bill().billedTwice).toEqual([]);
    // Finished, it may be typed once more, also where the environment says otherwise by now.
    const again = await desk.run(['continue', 'spring'], {
      environment: { RIVYA_BATCH_PROMPT: 'Another {{title}}' },
    });
    expect(again.stdout).toContain('Batch spring is finished; nothing was sent or spent.');
    expect((await desk.run(['continue', 'spring', 'other.csv'])).code).toBe(2);
  });

  test('S1: after --fresh and --force, only what was left is made', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(3));
    expect((await desk.run(run)).code).toBe(0);
    const forced = await desk.run([...run, '--force', '--max-credits', '4']);
    expect(forced.code).toBe(4);
    expect((await type(desk, commandIn(forced.stdout))).code).toBe(0);
    expect((await desk.run(['continue', 'spring'])).code).toBe(0);
    expect(desk.simulator.bill().total.tasks).toBe(6);
  });

  test('says why it cannot, where the input came by stdin', async ({ openDesk }) => {
    const desk = await openDesk();
    const input = productsCsv(2);
    const piped = ['run', '-', '--format', 'csv', '--out', 'spring', ...mapping, ...fast];
    expect((await desk.run(piped, { input })).code).toBe(0);
    const refused = await desk.run(['continue', 'spring']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('which cannot be read again');
    // Named after its folder; a mistyped name finds it, and so does the name of a file.
    expect((await desk.run(['status', 'sprnig'])).stderr).toContain('did you mean "spring"?');
    const nothingLike = await desk.run(['status', 'xyzzy']);
    expect(nothingLike.stderr).toContain(desk.environment.REDIS_URL?.replace('unix://', '') ?? '');
  });
});

test('S1: what was queued without a folder is not paid again under the name of a folder', async ({
  openDesk,
}) => {
  const desk = await openDesk();
  await desk.write('in.csv', productsCsv(2));
  expect((await desk.run(['enqueue', 'in.csv', ...mapping])).code).toBe(0);
  const second = await desk.run(run);
  expect(second.code).toBe(2);
  expect(second.stderr).toContain('add --batch in');
  expect((await desk.run([...run, '--batch', 'in'])).code).toBe(0);
  // From here on the folder says whose it is.
  expect((await desk.run(run)).stdout).toContain('Batch in is finished');
  expect(desk.simulator.bill().total.tasks).toBe(2);
});

describe.concurrent('retry', () => {
  test('ends in a command that can be typed, and --run makes them at once (S4)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({
      faults: [
        'task-fails=nsfw/refunded:1x:prompt=Product 1',
        'task-fails=odd/refunded:2x:prompt=Product 2',
      ],
    });
    await desk.write('in.csv', productsCsv(3));
    expect((await desk.run(run)).code).toBe(3);
    const none = await desk.run(['retry', 'spring', '--code', 'nsfww', '--yes']);
    expect(none.stdout).toMatch(
      /nothing to retry\.\nError codes of this batch: (nsfw|odd) \(1\), /,
    );
    const retried = await desk.run(['retry', 'spring', '--code', 'nsfw', '--yes']);
    expect(retried.stdout).toMatch(/new attempts: 1;/);
    const went = await type(desk, commandIn(retried.stdout));
    expect(went.code, went.stderr).toBe(3);
    const again = await desk.run(['retry', 'spring', '--run', '--yes', '--json']);
    expect(again.code).toBe(3);
    expect(JSON.parse(again.stdout)).toMatchObject({ batch: 'spring', counts: { failed: 1 } });
    expect((await desk.run(['retry', 'spring', '--run', '--yes'])).code).toBe(0);
    expect(await desk.lines('spring')).toHaveLength(3);
  });

  test('S1: --ids makes what succeeded again after telling the price, and refuses an id that is not there', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(4));
    expect((await desk.run(run)).code).toBe(0);
    const asked = await desk.run(['retry', 'spring', '--ids', '00001,00002']);
    expect(asked.code).toBe(2);
    expect(asked.stderr).toMatch(/2 succeeded: made and paid again, about 2 credits/);
    const wrong = await desk.run(['retry', 'spring', '--ids', '00001,0000x', '--yes']);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toMatch(/no brief with the id "0000x" \(did you mean "0000\d"\?\)/);
    expect(desk.simulator.bill().total.tasks).toBe(4);
    // As a spreadsheet leaves it of manifest.csv; and the same as a list.
    await desk.write('again.csv', 'sku;brief_id;status\n00003;00003;succeeded\n');
    await desk.write('list.txt', '\ufeff00004\r\n\r\n');
    for (const ids of ['again.csv', 'list.txt']) {
      const made = await desk.run(['retry', 'spring', '--ids', ids, '--run', '--yes']);
      expect(made.code, made.stderr).toBe(0);
    }
    const lines = await desk.lines('spring');
    expect(lines.filter(({ attempt }) => attempt === 2).map(({ brief_id: id }) => id)).toEqual([
      '00003',
      '00004',
    ]);
    expect((await desk.run(['verify', 'spring'])).code).toBe(0);
    expect(desk.simulator.bill().total.tasks).toBe(6);
  });

  test('a prompt that was refused is reworded under the same id', async ({ openDesk }) => {
    const desk = await openDesk({ faults: ['task-fails=nsfw/refunded:prompt=Product 2'] });
    await desk.write('in.csv', productsCsv(2));
    expect((await desk.run(run)).code).toBe(3);
    await desk.write('in.csv', productsCsv(2).replace('Product 2', 'Something else'));
    expect((await desk.run(run)).code).toBe(0);
    expect((await desk.lines('spring')).map(({ brief_id: id }) => id).sort()).toEqual([
      '00001',
      '00002',
    ]);
  });
});
