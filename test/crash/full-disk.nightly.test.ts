import { execFileSync } from 'node:child_process';
import { mkdir, open, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { describe, expect } from 'vitest';
import { DecidedFolder } from '../review/deliver/decided-folder.js';
import { auditRun } from '../support/audit-run.js';
import { type Desk, mapping, productsCsv, test } from '../support/cli.js';

const briefs = 12;
const run = ['run', 'in.csv', '--out', 'out', ...mapping, '--rate', '20', '--in-flight', '4'];
const auditOf = (desk: Desk) => auditRun(desk, { out: 'out', batch: 'out', briefs });

/** Mounts a small disk over a folder of the desk; false where this user may not. */
function mountSmallDisk(folder: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder], { stdio: 'pipe' });
    return true;
  } catch {
    // Not root, or not Linux: the caller says that the test is skipped.
    return false;
  }
}

async function fill(folder: string): Promise<void> {
  const file = await open(join(folder, 'filler'), 'a');
  try {
    for (let size = 65_536; size >= 1; ) {
      const written = await file.write(Buffer.alloc(size)).catch(() => null);
      if (written === null) size = Math.floor(size / 2);
    }
  } finally {
    await file.close();
  }
}

/** Resolves when the private Redis has found out that its disk is full, and refuses what would change it. */
async function redisCannotWrite(desk: Desk): Promise<void> {
  const redis = new Redis({ path: desk.redisSocket });
  while (!(await redis.info('persistence')).includes('aof_last_write_status:err')) await sleep(50);
  redis.disconnect();
}

/** Runs `play` with a small disk under this folder of a desk. */
async function onSmallDisk(folder: string, play: () => Promise<void>): Promise<'played' | 'no'> {
  await mkdir(folder, { recursive: true });
  if (!mountSmallDisk(folder)) return 'no';
  try {
    await play();
    return 'played';
  } finally {
    execFileSync('umount', ['-l', folder]);
  }
}

describe.concurrent('a full disk', () => {
  for (const end of ['goes on by itself', 'is killed, and the same command goes on'] as const) {
    test(`of the results: when there is space again, the run ${end} (S1, S3, S5)`, async ({
      openDesk,
      skip,
    }) => {
      const desk = await openDesk({ faults: ['lose-answer-after-accept:2x'] });
      await desk.write('in.csv', productsCsv(briefs));
      const out = join(desk.folder, 'out');
      const played = await onSmallDisk(out, async () => {
        const first = desk.start(run);
        await desk.tasksMade(3);
        await fill(out);
        while (!/ENOSPC|no space/i.test(first.output())) await sleep(20);
        if (end !== 'goes on by itself') {
          first.kill('SIGKILL');
          await first.finished;
        }
        await rm(join(out, 'filler'));
        const { code, stderr } = await (end === 'goes on by itself'
          ? first.finished
          : desk.run(run));
        expect({ code, stderr }).toMatchObject({ code: 0 });
        expect(await auditOf(desk)).toEqual([]);
      });
      if (played === 'no') skip('a small disk can only be mounted by root on Linux');
    });
  }

  test('of what is handed over: a sentence says so, and the same command completes it (S5)', async ({
    skip,
  }) => {
    const ids = Array.from({ length: 40 }, (_, at) => `b${at}`);
    const folder = await DecidedFolder.make(
      ids.map((id) => ({ brief_id: id, contents: { [`${id}.mp4`]: Buffer.alloc(60_000, id) } })),
    );
    await folder.decide('approved', ...ids);
    const played = await onSmallDisk(join(folder.path, 'approved'), async () => {
      await writeFile(folder.at('mine'), Buffer.alloc(1_000_000));
      await expect(folder.deliver()).rejects.toMatchObject({
        code: 'output_unusable',
        message: expect.stringMatching(/There is no room left for .*approved \(ENOSPC\)/),
      });
      const there = (await folder.files()).filter((name) => name !== 'mine');
      // All that is there is whole, under its name, and nothing else was left.
      for (const name of there) expect((await stat(folder.at(name))).size, name).toBe(60_000);
      await expect(folder.deliver()).rejects.toMatchObject({ code: 'output_unusable' });
      await folder.decide('rejected', ...ids.slice(20));
      await rm(folder.at('mine'));
      expect(await folder.deliver()).toMatchObject({ files: 20, evaded: { count: 0 } });
      expect(await folder.files()).toHaveLength(20);
      expect(await folder.table()).toHaveLength(20);
    });
    if (played === 'no') skip('a small disk can only be mounted by root on Linux');
  });

  test('of the private Redis too: the same command goes on when there is space (S1, S3)', async ({
    openDesk,
    skip,
  }) => {
    const desk = await openDesk({ redis: 'private', faults: ['lose-answer-after-accept:2x'] });
    await desk.write('in.csv', productsCsv(briefs));
    const home = join(desk.folder, '.rivya-batch');
    await mkdir(home, { recursive: true, mode: 0o700 });
    const played = await onSmallDisk(home, async () => {
      execFileSync('chmod', ['700', home]);
      const first = desk.start(run);
      await desk.tasksMade(3);
      await fill(home);
      await redisCannotWrite(desk);
      await rm(join(home, 'filler'));
      const { code } = await first.finished;
      if (code !== 0) expect((await desk.run(run)).code).toBe(0);
      expect(await auditOf(desk)).toEqual([]);
    });
    if (played === 'no') skip('a small disk can only be mounted by root on Linux');
  });
});
