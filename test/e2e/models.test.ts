import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { exampleOf } from '../../src/cli/text/model-facts.js';
import { bundledModels } from '../../src/rivya/catalogue.js';
import { compileFiles } from '../producer/compile-files.js';
import { type Desk, fast, mapping, productsCsv, test } from '../support/cli.js';

/** What a shell makes of a command in front of its pipe, and the words behind that. */
async function typed(command: string): Promise<{ input: string; words: string[] }> {
  const [print = '', ours = ''] = command.split('|\n');
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', print]);
  const words = ours.trim().split(' ');
  return { input: stdout, words: words.slice(words.indexOf('rivya-batch') + 1) };
}

const models = bundledModels();

it.each(models.map(({ id }) => id))('the example of %s passes the check', async (id) => {
  const model = models.find((one) => one.id === id);
  if (model === undefined) throw new Error(`${id} is not in the list`);
  const { command, row } = exampleOf(model, 'npx rivya-batch');
  const { input, words } = await typed(command);
  expect(words).toEqual(['check', '-', '--format', 'csv']);
  const checks = { unknownModels: 'refuse', unknownParams: 'refuse' } as const;
  for (const file of [{ 'row.csv': input }, { 'row.jsonl': JSON.stringify(row) }]) {
    const { briefs, rejections, warnings } = await compileFiles(file, { models, checks });
    expect({ briefs: briefs.length, rejections, warnings }).toEqual({
      ...{ briefs: 1, rejections: [], warnings: [] },
    });
  }
});

async function shown(desk: Desk, model: string) {
  const { code, stdout, stderr } = await desk.run(['models', model]);
  expect(code, stderr).toBe(0);
  return stdout;
}

describe.concurrent('models MODEL', () => {
  test('shows what the list says, and an example that can be typed', async ({ openDesk }) => {
    const desk = await openDesk();
    const text = await shown(desk, 'happyhorse-1-0');
    expect(text).toContain('28 credits (FIXED)');
    expect(text).toContain('at most 10; image up to 10 MB (jpeg, png, webp); video up to 95 MB');
    expect(text).toMatch(/^duration +5 +a number from 3 to 15$/m);
    expect(text).toMatch(/^resolution +1080p +720p, 1080p$/m);
    expect(text).not.toContain('prices seen');
    const [, command = ''] = /:\n\n( {2}printf.*)$/s.exec(text) ?? [];
    const { input, words } = await typed(command);
    const checked = await desk.run(words, { input });
    expect(checked.code, checked.stderr).toBe(0);
    expect(checked.stdout).toContain('1 with happyhorse-1-0');
  });

  test('says what the API says of it now: why it cannot be used, that it needs a file, a notice', async ({
    openDesk,
  }) => {
    const desk = await openDesk({
      models: {
        'z-image': { api_status: 'studio_only', notices: [{ message: 'Ends in May.' }] },
        'qwen-image': { requires_files_api: true, api_input_status: 'requires_files_api' },
      },
    });
    const gone = await shown(desk, 'z-image');
    expect(gone).toMatch(/can be used +no: "z-image" works in the Studio only/);
    expect(gone).toMatch(/notice +Ends in May\./);
    const needing = await shown(desk, 'qwen-image');
    expect(needing).toMatch(/input +each brief needs a reference/);
    expect(needing).toContain('YOUR-FILE.jpg');
  });

  test('has prices that were seen, and starts no Redis to look for them', async ({ openDesk }) => {
    const desk = await openDesk({ redis: 'private' });
    await desk.write('in.csv', productsCsv(1));
    expect(await shown(desk, 'z-image')).not.toContain('prices seen');
    expect(existsSync(join(desk.folder, '.rivya-batch', 'redis'))).toBe(false);
    expect((await desk.run(['run', 'in.csv', '--out', 'out', ...mapping, ...fast])).code).toBe(0);
    expect(await shown(desk, 'z-image')).not.toContain('prices seen');
    expect(existsSync(desk.redisSocket)).toBe(false);
    const worker = desk.start(['worker']);
    while (!/prices seen +1 credit at most/.test(await shown(desk, 'z-image')));
    worker.kill('SIGTERM');
    await worker.finished;
    // Whoever only looked has kept nobody from ending it.
    expect(existsSync(desk.redisSocket)).toBe(false);
  });

  test('names the nearest for one that there is not', async ({ openDesk }) => {
    const desk = await openDesk();
    const { code, stderr } = await desk.run(['models', 'zimage']);
    expect(code).toBe(2);
    expect(stderr).toContain('did you mean "z-image"?');
    const entry = JSON.parse((await desk.run(['models', 'z-image', '--json'])).stdout);
    expect(entry).toMatchObject({ id: 'z-image', source: 'api', baseCredits: 1 });
  });
});
