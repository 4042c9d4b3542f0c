import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { adoptFolder } from '../../../src/batch/adopt-folder.js';
import { Journal, readJournal } from '../../../src/results/journal.js';
import { contentFingerprint, requestBody } from '../../../src/shared/brief.js';
import { StageQueues } from '../../../src/shared/queues.js';
import { placeholderFor } from '../../../src/shared/reference-items.js';
import { replyTo } from '../../../src/simulator/chat-turn.js';
import type { SettingsPatch } from '../../../src/simulator/settings.js';
import { giveUpBrief } from '../../../src/worker/stages/settle.js';
import type { StageContext } from '../../../src/worker/stages/step.js';
import { identity, preparedBrief } from '../../support/ledger.js';
import { picture, sha256Of } from '../../support/reference-desk.js';
import { type Bench, openBench } from './stage-bench.js';

const model = 'gpt-5-2-chat';
const prompt = 'Write an alt text for "Lamp"';
const job = { briefId: 'a', attempt: 1 };
const reply = replyTo(prompt);

async function openChat(settings: SettingsPatch = {}) {
  const bench = await openBench(settings);
  await admit(bench, 'a');
  return bench;
}

async function admit(bench: Bench, id: string, sha256?: string): Promise<void> {
  const media = sha256 === undefined ? [] : [{ url: placeholderFor(sha256), kind: 'image' }];
  const content = { model, prompt, params: {} };
  const body = requestBody({ ...content, endpoint: 'chat', media, clientRequestId: null });
  const fingerprint = contentFingerprint({ ...content, references: [] });
  await bench.ledger.briefs.admit([preparedBrief(id, { body, fingerprint })], identity.createdAt);
}

const textOf = (bench: Bench, name = 'a.txt') => readFile(join(bench.out, 'assets', name), 'utf8');

describe('a turn of a chat', () => {
  it('S1, S5: is paid once, and is a file before it is a line', async () => {
    const bench = await openChat();
    expect(await bench.work('submit', job)).toEqual({ kind: 'done' });
    expect(await textOf(bench)).toBe(reply);
    const [line] = await bench.lines();
    const { credits } = line ?? {};
    expect(line).toMatchObject({
      status: 'succeeded',
      model,
      prompt,
      text: reply,
      session_id: expect.stringMatching(/^chatsess_/),
      usage: { total_tokens: expect.any(Number) },
      task_id: expect.stringMatching(/^chatcmpl_/),
      urls: [],
      assets: [{ path: 'assets/a.txt', bytes: reply.length, media_type: 'text/plain' }],
      requests: { submits: 1, status_checks: 0 },
      error: null,
    });
    expect(bench.simulator.bill()).toMatchObject({
      total: { tasks: 1, spent: credits?.final },
      requests: { byEndpoint: { chat: { 200: 1 } } },
    });
    expect(bench.simulator.asked()).toMatchObject([{ clientRequestId: 'spring/a' }]);
    const meta = await bench.ledger.meta();
    expect(meta).toMatchObject({ spent: credits?.final, reserved: 0, requests: { downloads: 0 } });
    expect(await bench.inFlight()).toEqual([]);
    // Nothing of it is kept beside its line.
    expect(await bench.redis.hlen(bench.ledger.keys.results)).toBe(0);
  });

  it('S7: holds its place in flight while it runs', async () => {
    const bench = await openChat({ durationMs: 300, speed: 1 });
    const working = bench.work('submit', job);
    await expect.poll(() => bench.simulator.bill().tasks.running).toBe(1);
    expect(await bench.inFlight()).toHaveLength(1);
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'submitting', sends: 1 });
    await working;
    expect(await bench.inFlight()).toEqual([]);
  });

  it.each(['lose-answer-after-accept:1x', 'error-after-accept:1x', 'gateway-after-accept:1x'])(
    'S1: whose answer is lost (%s) is asked for again with the same key and bytes',
    async (fault) => {
      const bench = await openChat({ faults: [fault] });
      expect(await bench.work('submit', job)).toMatchObject({ kind: 'next', stage: 'status' });
      expect(await bench.stateOf('a')).toMatchObject({ stage: 'submitting', sends: 1 });
      expect(await bench.inFlight()).toHaveLength(1);
      expect(await bench.work('status', job)).toEqual({ kind: 'done' });
      expect(await textOf(bench)).toBe(reply);
      expect((await bench.lines())[0]).toMatchObject({ requests: { submits: 2 } });
      const bill = bench.simulator.bill();
      expect(bill).toMatchObject({ total: { tasks: 1 }, replays: 1, billedTwice: [] });
    },
  );

  it('S1: still in doubt when its key may be forgotten, it ends as unknown and is not sent again', async () => {
    const bench = await openChat({ faults: ['lose-answer-after-accept'] });
    await bench.work('submit', job);
    bench.clock.aheadMs = bench.context.keyLifeMs;
    const state = await bench.stateOf('a');
    if (state?.stage !== 'submitting') throw new Error('it is in doubt');
    await bench.place('a', { ...state, firstSentAt: state.firstSentAt - bench.context.keyLifeMs });
    expect(await bench.work('status', job)).toEqual({ kind: 'done' });
    expect(await bench.lines()).toMatchObject([
      { status: 'unknown', text: null, usage: null, error: { code: 'outcome_unknown' } },
    ]);
    expect(bench.simulator.bill()).toMatchObject({ total: { tasks: 1 }, replays: 0 });
  });

  it.each([
    ['S1: nothing', 'empty-answer', 'empty_answer', 1],
    ['a refusal', 'task-fails=content_refused', 'content_refused', 0],
  ])(
    '%s is a line that failed, and what was charged is counted',
    async (_what, fault, code, tasks) => {
      const bench = await openChat({ faults: [fault] });
      expect(await bench.work('submit', job)).toEqual({ kind: 'done' });
      const [line] = await bench.lines();
      expect(line).toMatchObject({ status: 'failed', error: { code }, assets: [] });
      const { total } = bench.simulator.bill();
      expect(total.tasks).toBe(tasks);
      expect((await bench.ledger.meta())?.spent).toBe(total.spent);
    },
  );

  it('S3: without a folder it hands its answer on by the ledger, and the job carries nothing', async () => {
    const bench = await openChat();
    const step = await bench.work('submit', job, { folder: null, shelf: null });
    expect(step).toEqual({ kind: 'next', stage: 'collect', attempt: 1, delayMs: 0 });
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'ready', checks: 0 });
    expect(await bench.inFlight()).toEqual([]);
    expect(await bench.work('collect', job)).toEqual({ kind: 'done' });
    expect(await textOf(bench)).toBe(reply);
    expect(bench.simulator.bill().requests.total).toBe(1);
  });

  it('S5: a folder that takes no file holds it up, and it is written when that is back', async () => {
    const bench = await openChat();
    await writeFile(join(bench.out, 'assets'), 'in the way');
    expect(await bench.work('submit', job)).toMatchObject({ kind: 'next', stage: 'collect' });
    await expect(bench.work('collect', job)).rejects.toThrow();
    const { folder } = bench.context;
    const gone: Partial<StageContext> = {
      folder: folder && { ...folder, isHere: async () => false },
    };
    await rm(join(bench.out, 'assets'));
    expect(await bench.work('collect', job, gone)).toMatchObject({ kind: 'later' });
    expect(await bench.lines()).toEqual([]);
    expect(await bench.work('collect', job)).toEqual({ kind: 'done' });
    expect(await textOf(bench)).toBe(reply);
  });

  it('S3: what was said is in its line, however its brief ends', async () => {
    const bench = await openChat();
    await bench.work('submit', job, { folder: null, shelf: null });
    await giveUpBrief(bench.context, 'collect', job, 'the disk');
    expect(await bench.lines()).toMatchObject([
      { status: 'unknown', text: reply, error: { code: 'internal_error' } },
    ]);
  });

  it('S3: an answer that Redis has lost is told, and never asked for as a task', async () => {
    const bench = await openChat();
    await bench.work('submit', job, { folder: null, shelf: null });
    await bench.redis.del(bench.ledger.keys.results);
    expect(await bench.work('collect', job)).toEqual({ kind: 'done' });
    expect(await bench.lines()).toMatchObject([
      { status: 'unknown', text: null, error: { code: 'answer_lost' } },
    ]);
    expect(bench.simulator.bill().requests.byEndpoint).not.toHaveProperty('read');
  });

  it('S6: its price is the largest that was reserved or charged, and known from the first on', async () => {
    const bench = await openChat({ faults: ['final-credits=8'] });
    await bench.work('submit', job);
    const [line] = await bench.lines();
    const { reserved, final } = line?.credits ?? {};
    expect(final).toBeGreaterThan(reserved ?? 0);
    expect(await bench.account.prices()).toEqual(new Map([[model, final]]));
    expect(await bench.ledger.meta()).toMatchObject({ spent: final, reserved: 0 });
  });

  it('S1: attaches the uploads that its attempt has fixed, by their ids', async () => {
    const bench = await openBench();
    const path = join(bench.out, 'lamp.png');
    await writeFile(path, picture(1));
    const sha256 = sha256Of(picture(1));
    const bytes = picture(1).length;
    const file = { sha256, path, bytes, mediaType: 'image/png', name: 'lamp.png' };
    await bench.ledger.references.keepFiles([file]);
    await admit(bench, 'a', sha256);
    expect(await bench.work('submit', job)).toEqual({ kind: 'done' });
    const [upload] = bench.simulator.uploads();
    expect(bench.simulator.asked()[0]?.params).toMatchObject({
      attachments: [{ file_id: upload?.id }],
    });
    expect((await bench.lines())[0]?.params).toEqual({
      attachments: [{ file_id: placeholderFor(sha256) }],
    });
  });

  it('S1: a lost Redis asks for the answer under the same key, with the content of the journal', async () => {
    const bench = await openChat({ faults: ['lose-answer-after-accept:1x'] });
    const { out, ledger, redis, prefix, batch } = bench;
    const header = { ...identity, batch };
    const journal = await Journal.open(out, header);
    onTestFinished(() => journal.close());
    await bench.work('submit', job, { journal });
    expect((await readJournal(out))?.sends.size).toBe(1);
    await ledger.forget();
    await ledger.open({ ...identity, out });
    await ledger.set({ ready: 1 });
    const queues = new StageQueues(redis, prefix, batch);
    onTestFinished(() => queues.close());
    await adoptFolder({ ledger, queues, out });
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'submitting' });
    expect(await bench.work('status', job)).toEqual({ kind: 'done' });
    expect(bench.simulator.bill()).toMatchObject({ total: { tasks: 1 }, replays: 1 });
    expect(await textOf(bench)).toBe(reply);
  });
});
