import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Desk } from './cli.js';
import type { Finished } from './running.js';

/** What a person has said of a result as it is now, taken over into the folder. */
export async function say(
  desk: Desk,
  id: string,
  decision: 'approved' | 'rejected' | 'again',
  prompt: string | null = null,
  out = 'out',
): Promise<void> {
  const line = (await desk.lines(out)).find(({ brief_id }) => brief_id === id);
  const said = {
    ...{ brief_id: id, attempt: line?.attempt, sha256: line?.assets[0]?.sha256, decision, prompt },
    at: '2026-06-01T12:00:00Z',
  };
  await appendFile(join(desk.folder, 'said.jsonl'), `${JSON.stringify(said)}\n`);
  expect(await desk.run(['review', out, '--take', 'said.jsonl'])).toMatchObject({ code: 0 });
}

export const apply = ['review', 'out', '--apply', '--yes'];

/** What `--apply --json` says of what is to be made again, with how the command ended. */
export async function applyJson(desk: Desk, code = 0) {
  const ended = await desk.run([...apply, '--json']);
  expect({ code: ended.code, stderr: ended.stderr }).toMatchObject({ code });
  return JSON.parse(ended.stdout).again;
}

/** `ID ATTEMPT PROMPT` of each line, sorted; behind it the row's prompt where a person has changed it. */
export async function promptsOf(desk: Desk, out = 'out'): Promise<string[]> {
  return (await desk.lines(out))
    .map(({ brief_id: id, attempt, prompt, input_prompt: row }) =>
      [id, attempt, prompt, ...(row === undefined ? [] : [`(${JSON.stringify(row)})`])].join(' '),
    )
    .sort();
}

/** So many tasks were made, none was billed twice, and the folder proves what it says (S1, S4, S5). */
export async function expectPaidOnce(desk: Desk, tasks: number): Promise<void> {
  const bill = desk.simulator.bill();
  expect({ tasks: bill.total.tasks, twice: bill.billedTwice }).toEqual({ tasks, twice: [] });
  for (const endpoint of ['submit', 'chat']) {
    expect(bill.requests.byEndpoint[endpoint]?.['409'] ?? 0).toBe(0);
  }
  const verified = await desk.run(['verify', 'out', '--json']);
  expect(JSON.parse(verified.stdout)).toMatchObject({ ok: true, problems: [] });
}

export function expectEnded(ended: Finished, code = 0): void {
  expect({ code: ended.code, stderr: ended.stderr }).toMatchObject({ code });
}
