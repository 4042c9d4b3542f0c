import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { faultNames } from '../../src/simulator/faults/parse-fault.js';
import { fast, mapping, productsCsv, test } from '../support/cli.js';
import { atTerminal } from '../support/terminal.js';

const longBatch = 'spring-catalog-of-outdoor-furniture-and-lighting-second-delivery-2026';
const longSchedule = 'nightly-catalog-of-outdoor-furniture';

describe.concurrent('a terminal of 80 columns', () => {
  test('tables, sentences and facts fit, and break no word; a pipe gets them whole', async ({
    openDesk,
  }) => {
    const desk = await openDesk({
      faults: ['task-fails=nsfw:1x'],
      models: {
        'a-vendor-with-a-long-name/photo-realistic-ultra-preview': {
          category: 'image',
          base_credits: 3,
        },
      },
    });
    await desk.write('in.csv', productsCsv(2));
    await desk.run(['run', 'in.csv', '--out', 'out', '--batch', longBatch, ...mapping, ...fast]);
    const zone = ['--tz', 'America/Argentina/ComodRivadavia', '--cron', '15,45 2-4 * * 1-5'];
    await desk.run(['schedule', 'add', longSchedule, 'in.csv', '--out', 'n', ...mapping, ...zone]);
    const looks = [
      ['status'],
      ['status', longBatch],
      ['status', longBatch, '--failed'],
      ['schedule', 'list'],
      ['schedule', 'list', longSchedule],
      ['models'],
      ['doctor'],
      ['run', 'in.csv', '--out', 'out', '--batch', longBatch, ...mapping, ...fast],
    ];
    const seen = await Promise.all(looks.map((look) => atTerminal(desk, look)));
    const [asset = ''] = await desk.assets('out');
    await rm(join(desk.folder, 'out', 'assets', asset));
    seen.push(await atTerminal(desk, ['verify', 'out']));
    expect(seen.at(-1)?.text).toMatch(/asset_missing/);
    for (const { text } of seen) {
      for (const line of text.split(/\r?\n/)) {
        // A command to be copied is one line, and so is a path.
        if (!/rivya-batch \w+ |\S{60}/.test(line)) expect(line.length).toBeLessThanOrEqual(80);
      }
    }
    expect(seen[0]?.text).toMatch(/^spring-\S+…\S+-2026 +finished +\S+ +1 +1 +0/m);
    expect(seen[3]?.text).toMatch(/Shown without zone/);
    expect((await desk.run(['status'])).stdout).toContain(longBatch);
    expect((await desk.run(['schedule', 'list'])).stdout).toContain('ComodRivadavia');
  });

  test('help and refused options fit, and break no word', async ({ openDesk }) => {
    const desk = await openDesk();
    const wrong = ['run', 'in.csv', '--out', 'gs://bucket/spring'];
    const looks = [['--help'], ['monitor', '--help'], ['simulator', '--help', '--all'], wrong];
    const seen = await Promise.all(looks.map((look) => atTerminal(desk, look)));
    for (const { text } of seen) {
      for (const line of text.split(/\r?\n/)) expect(line.length).toBeLessThanOrEqual(80);
    }
    expect(seen[3]?.code).toBe(2);
    expect(seen[3]?.text).toMatch(/a\s+folder\s+on\s+this\s+machine/);
    // Whoever has only the help finds each fault there.
    for (const name of faultNames) expect(seen[2]?.text).toContain(name);
  });
});
