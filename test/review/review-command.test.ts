import { describe, expect } from 'vitest';
import { type Desk, fast, mapping, productsCsv, test } from '../support/cli.js';
import { until } from '../support/until.js';
import { openReviewer } from './server/open-review.js';

async function madeBatch(desk: Desk, count: number): Promise<void> {
  await desk.write('in.csv', productsCsv(count));
  expect((await desk.run(['run', 'in.csv', '--out', 'out', ...mapping, ...fast])).code).toBe(0);
}

async function startReview(desk: Desk, options: string[] = []) {
  const running = desk.start(['review', 'out', '--port', '0', ...options]);
  const found = () => /http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]+/.exec(running.output())?.[0];
  await until(() => found() !== undefined);
  return { running, url: found() ?? '' };
}

describe.concurrent('rivya-batch review FOLDER', () => {
  test('says where it is, and how much is undecided; Ctrl+C ends it with what was decided and what comes next', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await madeBatch(desk, 3);
    const { running, url } = await startReview(desk);
    await until(() => running.output().includes('3 briefs, 3 undecided.'));
    const reviewer = await openReviewer(url);
    const { briefs, folder } = await reviewer.data();
    expect(folder).toBe('out');
    const said = briefs.map(({ id, attempt, files }, index) => ({
      brief_id: id,
      attempt,
      sha256: files[0]?.sha256,
      decision: index === 0 ? 'approved' : 'again',
      note: null,
      prompt: null,
    }));
    expect((await reviewer.decide(said.slice(0, 2))).left_out).toEqual([]);
    running.kill('SIGINT');
    const { code, stderr } = await running.finished;
    expect(code).toBe(0);
    expect(stderr).toContain('Decided here: 1 approved, 0 rejected, 1 again; 1 undecided.');
    expect(stderr).toMatch(/^ {2}\S*.*rivya-batch review out --apply$/m);
    expect((await desk.read('out/manifest.csv')).split('\n')[1]).toContain('approved');
  });

  test('--json prints one line for programs, which come in with the token in it', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await madeBatch(desk, 2);
    const { running } = await startReview(desk, ['--json']);
    await until(() => running.output().includes('\n'));
    const told = JSON.parse(running.output().trim().split('\n')[0] ?? '') as {
      url: string;
      token: string;
    };
    expect(told).toMatchObject({ briefs: 2, undecided: 2 });
    expect(told.url.endsWith(`/?token=${told.token}`)).toBe(true);
    const headers = { authorization: `Bearer ${told.token}` };
    const answer = await fetch(new URL('/data', told.url), { headers });
    expect(await answer.json()).toMatchObject({ total: 2 });
    running.kill('SIGTERM');
    expect((await running.finished).stdout.trim().split('\n')).toHaveLength(1);
  });

  test('shows a batch while it runs, and says in a sentence that its port is taken', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ speed: 3 });
    await desk.write('in.csv', productsCsv(2));
    const run = desk.start(['run', 'in.csv', '--out', 'out', ...mapping, ...fast]);
    await until(async () => (await desk.read('out/journal.jsonl').catch(() => '')) !== '');
    const { url } = await startReview(desk);
    const reviewer = await openReviewer(url);
    const heard = await reviewer.listen();
    expect(await heard.next(({ lines = 0 }) => lines === 2)).toEqual({ lines: 2 });
    expect(await reviewer.data()).toMatchObject({ total: 2, batch: 'out' });
    expect((await run.finished).code).toBe(0);
    const second = await desk.run(['review', 'out', '--port', new URL(url).port]);
    expect(second.code).toBe(2);
    expect(second.stderr).toContain('something listens there already');
  });

  test('refuses a folder without results, and two things at once', async ({ openDesk }) => {
    const desk = await openDesk();
    const nothing = await desk.run(['review', 'nowhere']);
    expect([nothing.code, nothing.stderr]).toEqual([
      2,
      expect.stringContaining('There are no results of a batch'),
    ]);
    const both = await desk.run(['review', 'nowhere', '--take', 'a', '--apply']);
    expect(both.code).toBe(2);
  });
});
