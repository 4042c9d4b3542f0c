import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, inject } from 'vitest';
import { type Desk, fast } from './cli.js';

/** Rows of a table, of which the recipes here make something each. */
export function rowsCsv(names: readonly string[]): string {
  return `sku,title\n${names.map((name) => `${name},A ${name}`).join('\n')}\n`;
}

export const stepRow = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `p${String(index + 1).padStart(3, '0')}`);

/** A caption by a chat model, a still of it, and a film that begins with the still. */
export const threeSteps = ({ still = '', film = '' } = {}): string => `files: shop.csv
out: out
id: sku
outputs:
  caption:
    model: gpt-5-2-chat
    prompt: 'Caption for {{title}}'
  still:
    after: caption
    model: z-image
    prompt: 'Photo of {{title}}: {{ outputs.caption.text | truncate: 200 }}'${still}
  film:
    after: still
    model: kling-2-6
    prompt: 'A slow turn of {{title}}'
    references: '{{ outputs.still.file }}'${film}
`;

/** A picture of each row, and a film that begins with it. */
export const twoSteps = ({ still = '', film = '' } = {}): string => `files: shop.csv
out: out
id: sku
outputs:
  still:
    model: z-image
    prompt: 'Photo of {{title}}'${still}
  film:
    after: still
    model: kling-2-6
    prompt: 'A slow turn of {{title}}'
    references: '{{ outputs.still.file }}'${film}
`;

export const runSteps = ['run', '--recipe', 'steps.yaml', ...fast];

export async function openSteps(desk: Desk, recipe: string, rows: readonly string[]) {
  await desk.write('shop.csv', rowsCsv(rows));
  await desk.write('steps.yaml', recipe);
}

/** `ID STATUS ATTEMPT [CODE]` of each line, sorted. */
export async function endsOf(desk: Desk): Promise<string[]> {
  return (await desk.lines('out'))
    .map(({ brief_id: id, status, attempt, error }) =>
      [id, status, attempt, ...(error === null ? [] : [error.code])].join(' '),
    )
    .sort();
}

/** What a person has said of a result, kept for `review --take`. */
export async function decide(desk: Desk, id: string, decision: string): Promise<void> {
  const line = (await desk.lines('out')).find(({ brief_id }) => brief_id === id);
  const said = {
    brief_id: id,
    attempt: line?.attempt,
    sha256: line?.assets[0]?.sha256,
    decision,
    at: '2026-06-01T12:00:00Z',
  };
  await appendFile(join(desk.folder, 'said.jsonl'), `${JSON.stringify(said)}\n`);
}

export async function takeDecisions(desk: Desk): Promise<void> {
  expect(await desk.run(['review', 'out', '--take', 'said.jsonl'])).toMatchObject({ code: 0 });
}

/**
 * What is not in order in a batch of steps that has come to rest, by the API's bill and by the folder; an empty list is the
 * proof: so many tasks, no key billed twice or sent with another body (the API refuses that), each task in a line or in the
 * history, and each film made of the very still that stands beside it.
 */
export async function stepFaults(desk: Desk, tasks: number): Promise<string[]> {
  const faults: string[] = [];
  const bill = desk.simulator.bill();
  if (bill.total.tasks !== tasks) faults.push(`${bill.total.tasks} tasks, and not ${tasks}`);
  for (const { idempotencyKey } of bill.billedTwice) faults.push(`billed twice: ${idempotencyKey}`);
  for (const endpoint of ['submit', 'chat']) {
    const others = bill.requests.byEndpoint[endpoint]?.['409'] ?? 0;
    if (others > 0) faults.push(`${others} times a key was sent with another body (${endpoint})`);
  }
  const lines = await desk.lines('out');
  const byId = new Map(lines.map((line) => [line.brief_id, line]));
  if (byId.size !== lines.length) faults.push('a brief has two lines');
  const history = (await desk.read('out/history.jsonl').catch(() => ''))
    .split('\n')
    .filter((text) => text !== '')
    .map((text) => JSON.parse(text));
  const charged = [...lines, ...history].reduce(
    (sum, { credits }) => sum + (credits.final ?? 0),
    0,
  );
  if (charged !== bill.total.spent) faults.push(`${bill.total.spent} spent, and ${charged} lined`);
  for (const { brief_id: id, status, after = [], params, prompt } of lines) {
    if (status !== 'succeeded') continue;
    for (const before of after) {
      const made = byId.get(before.id);
      const file = made?.assets[0]?.sha256 ?? '';
      const isMadeOfIt =
        typeof made?.text === 'string'
          ? prompt?.includes(made.text.slice(0, 100))
          : JSON.stringify(params).includes(`sha256:${file}`);
      if (made?.status !== 'succeeded' || !isMadeOfIt) faults.push(`${id} is of no ${before.id}`);
    }
  }
  const verified = await desk.run(['verify', 'out', '--json']);
  const { ok, problems } = JSON.parse(verified.stdout);
  if (!ok) faults.push(`verify: ${JSON.stringify(problems).slice(0, 500)}`);
  return faults;
}

/** Jobs that are left where steps wait, of a desk with the shared Redis. */
export async function leftWaiting(desk: Desk): Promise<string[]> {
  const { RIVYA_BATCH_PREFIX = '' } = desk.environment;
  const redis = new Redis({ path: inject('redisSocket') });
  try {
    const keys = await redis.keys(`${RIVYA_BATCH_PREFIX}*.waiting:*`);
    const jobs: string[] = [];
    for (const key of keys) {
      if ((await redis.type(key)) === 'list') jobs.push(...(await redis.lrange(key, 0, -1)));
    }
    return jobs;
  } finally {
    redis.disconnect();
  }
}
