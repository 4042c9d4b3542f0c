import { describe, expect, it } from 'vitest';
import { createRivyaClient } from '../../../src/rivya/client.js';
import type { SettingsPatch } from '../../../src/simulator/settings.js';
import { AnswerTally } from '../../../src/worker/stages/answers.js';
import { log, openBench } from './stage-bench.js';

async function openTally(settings: SettingsPatch = {}) {
  const bench = await openBench(settings);
  const { records } = bench.account;
  const tally = new AnswerTally(records, log);
  const client = tally.ofClient(bench.client);
  const downloader = tally.ofDownloader(bench.downloader);
  const submit = (key: string) =>
    client.submit({ idempotencyKey: key, body: '{"model":"z-image","prompt":"A fox"}' });
  const told = async () =>
    Object.fromEntries(
      (await records.answers()).map(({ endpoint, outcome, count }) => [
        `${endpoint} ${outcome}`,
        count,
      ]),
    );
  return { ...bench, tally, client, downloader, submit, told };
}

const nowhere = () => Promise.resolve();

describe('AnswerTally', () => {
  it('counts what each endpoint answered, and passes it on as it is', async () => {
    const { client, downloader, submit, tally, told } = await openTally();
    const accepted = await submit('rvb-1');
    if (accepted.kind !== 'accepted') throw new Error('the simulator takes what it is sent');
    const read = await client.readTask(accepted.task.id);
    if (read.kind !== 'read') throw new Error('the simulator knows its task');
    expect(read.task.status).toEqual({ kind: 'succeeded' });
    expect(await client.readCredits()).toMatchObject({ kind: 'read', currentCredits: 9_999 });
    await client.readCredits();
    const saved = await downloader.download(read.task.urls[0] ?? '', nowhere);
    expect(saved).toMatchObject({ kind: 'saved' });
    expect(await told()).toEqual({});
    await tally.stop();
    expect(await told()).toEqual({
      'submit ok': 1,
      'status ok': 1,
      'credits ok': 2,
      'download ok': 1,
    });
  });

  it('tells one refusal from another, and both from no answer at all', async () => {
    const { client, downloader, simulator, submit, tally, told } = await openTally();
    for (const fault of [
      'rate-limited=9:1x',
      'revoked-key:1x',
      'lose-answer-after-accept:1x',
      'refuse=402/insufficient_credits:1x',
    ]) {
      simulator.control({ faults: [fault] });
      await submit('rvb-1');
    }
    await client.readTask('task_nobody');
    await downloader.download('http://127.0.0.1:1/a.png', nowhere);
    const nobody = createRivyaClient({ origin: 'http://127.0.0.1:1', apiKey: 'rvya_sk_test' });
    await tally.ofClient(nobody).readCredits();
    await nobody.close();
    await tally.stop();
    expect(await told()).toEqual({
      'submit rate_limited': 1,
      'submit key_refused': 1,
      'submit unknown': 1,
      'submit insufficient_credits': 1,
      'status not_found': 1,
      'download url_refused': 1,
      'credits unreachable': 1,
    });
  });

  it('tells by itself, and each answer once', async () => {
    const { submit, tally, told } = await openTally();
    tally.start();
    await submit('rvb-1');
    await expect.poll(told, { timeout: 10_000 }).toEqual({ 'submit ok': 1 });
    await submit('rvb-2');
    await tally.stop();
    expect(await told()).toEqual({ 'submit ok': 2 });
    await tally.stop();
    expect(await told()).toEqual({ 'submit ok': 2 });
  });

  it('holds nothing up where the account cannot be told', async () => {
    const { submit, tally, redis, account } = await openTally();
    await redis.set(account.keys.answers, 'not a hash');
    expect(await submit('rvb-1')).toMatchObject({ kind: 'accepted' });
    await tally.stop();
  });
});
