import { describe, expect, it } from 'vitest';
import { adoptFolder, adoptUnderWay } from '../../src/batch/adopt-folder.js';
import { judgeBrief } from '../../src/batch/compare.js';
import { type Reopener, reopenSurveyed, surveyReopening } from '../../src/batch/reopen.js';
import { decodeState } from '../../src/ledger/brief-state.js';
import { Journal, readJournal } from '../../src/results/journal.js';
import { parseContent } from '../../src/shared/brief.js';
import { identity, preparedBrief } from '../support/ledger.js';
import { Killed, killedAt } from '../worker/killed-at.js';
import { type Finished, openFinished, withParts } from './finished-batch.js';

const words = 'A red {{fox}}';

/** a has succeeded, b has failed: both are wanted again, b as it was. */
const survey = (reopener: Reopener) =>
  surveyReopening(
    reopener,
    ({ brief_id: id }) => id === 'a' || id === 'b',
    ({ brief_id: id }) => (id === 'a' ? words : null),
  );

async function expectReworded(opened: Finished): Promise<void> {
  const { lines, file, jobs } = opened;
  expect(await file('manifest.jsonl')).toBe(`${lines.c}\n${lines.d}\n${lines.e}\n`);
  expect(await file('history.jsonl')).toBe(`${opened.oldHistory}${lines.a}\n${lines.b}\n`);
  expect(await jobs('submit')).toEqual(['a 2', 'b 2']);
  await expectMade(opened, 'a', { prompt: words, inputPrompt: 'A fox in the snow' });
  await expectMade(opened, 'b', { prompt: 'A fox in the snow', inputPrompt: undefined });
}

async function expectMade(
  { ledger, stateOf }: Finished,
  id: string,
  { prompt, inputPrompt }: { prompt: string; inputPrompt: string | undefined },
): Promise<void> {
  expect(await stateOf(id)).toMatchObject({ stage: 'admitted', attempt: 2, fingerprint: 'ab' });
  const { origin, request } = parseContent((await ledger.briefs.readContent(id)) ?? '');
  expect({ prompt: request.prompt, inputPrompt: origin.inputPrompt }).toEqual({
    prompt,
    inputPrompt,
  });
}

/** The calls to Redis of a process that is killed at the nth; false when it made fewer. */
async function reopenKilled(opened: Finished, nth: number, moment: 'before' | 'after') {
  const counter = { left: nth };
  const { reopened, outbox, briefs } = opened.ledger;
  const doomed = withParts(opened.reopener, {
    reopened: killedAt(reopened, counter, moment),
    outbox: killedAt(outbox, counter, moment),
    briefs: killedAt(briefs, counter, moment),
    queues: killedAt(opened.queues, counter, moment),
  });
  const found = await survey(opened.reopener);
  return reopenSurveyed(doomed, found).then(
    () => counter.left <= 0,
    (error: unknown) => {
      if (error instanceof Killed) return true;
      throw error;
    },
  );
}

describe('a brief that is made again with a person’s words', () => {
  it('S1: is opened with them once, and stays what its row says', async () => {
    const opened = await openFinished();
    const found = await survey(opened.reopener);
    expect(found.groups).toEqual([
      {
        ...{ status: 'succeeded', way: 'new_attempt', count: 1, credits: 3, guessed: 1 },
        ...{ reworded: 1, following: 0 },
      },
      {
        status: 'failed',
        way: 'new_attempt',
        count: 1,
        credits: 3,
        guessed: 1,
        reworded: 0,
        following: 0,
      },
    ]);
    expect(await reopenSurveyed(opened.reopener, found)).toBe(2);
    await expectReworded(opened);
    expect(await reopenSurveyed(opened.reopener, found)).toBe(0);
    expect((await survey(opened.reopener)).groups).toEqual([]);
    await expectReworded(opened);
    const stateText = (await opened.ledger.briefs.stateTexts(['a']))[0] ?? '';
    expect(judgeBrief(preparedBrief('a'), stateText, null)).toEqual({ kind: 'same' });
    const changed = { ...preparedBrief('a'), fingerprint: 'cd' };
    const known = decodeState(stateText);
    expect(judgeBrief(changed, stateText, null)).toEqual({ kind: 'replace', known });
  });

  it('S1: and is not opened where that was taken back while somebody was asked', async () => {
    const opened = await openFinished();
    const found = await survey(opened.reopener);
    const stillWanted = async () => (line: { brief_id: string }) => line.brief_id === 'b';
    expect(await reopenSurveyed(opened.reopener, found, stillWanted)).toBe(1);
    expect(await opened.stateOf('a')).toMatchObject({ stage: 'lined', attempt: 1 });
    expect(await opened.stateOf('b')).toMatchObject({ stage: 'admitted', attempt: 2 });
  });

  it('S1: keeps them when it has failed and is tried once more', async () => {
    const opened = await openFinished();
    await reopenSurveyed(opened.reopener, await survey(opened.reopener));
    await opened.finish('a', {
      ...{ status: 'failed', assets: [], credits: { reserved: 1, final: 0 } },
      ...{ prompt: words, input_prompt: 'A fox in the snow' },
    });
    await opened.flush();
    const again = await surveyReopening(opened.reopener, ({ brief_id: id }) => id === 'a');
    expect(await reopenSurveyed(opened.reopener, again)).toBe(1);
    const { origin, request } = parseContent((await opened.ledger.briefs.readContent('a')) ?? '');
    expect([request.prompt, origin.inputPrompt]).toEqual([words, 'A fox in the snow']);
    expect((await readJournal(opened.out))?.reworded.get('a')).toEqual({
      ...{ attempt: 3, words, fingerprint: 'ab' },
    });
  });

  for (const moment of ['before', 'after'] as const) {
    it(`S1, S4: killed ${moment} any of its calls to Redis, the next one completes it`, async () => {
      for (let nth = 1; ; nth += 1) {
        const opened = await openFinished();
        const killed = await reopenKilled(opened, nth, moment);
        await opened.expireHold();
        await reopenSurveyed(opened.reopener, await survey(opened.reopener));
        await expectReworded(opened);
        if (killed) continue;
        expect(nth).toBeGreaterThan(15);
        return;
      }
    });
  }

  it('S1: Redis lost at any point: once its line is gone, it is made with them, and never with its row’s', async () => {
    let reworded = 0;
    for (let nth = 1; ; nth += 1) {
      const opened = await openFinished();
      const killed = await reopenKilled(opened, nth, 'before');
      const { ledger, out, queues, redis, prefix } = opened;
      await redis.del(...(await redis.keys(`${prefix}*`)));
      await ledger.open({ ...identity, out });
      expect(await adoptFolder({ ledger, queues, out })).toMatchObject({ kind: 'adopted' });
      const journal = await readJournal(out);
      if (journal === null) throw new Error('it was begun');
      await opened.admit('a', 'b');
      await adoptUnderWay({ ledger, queues, out }, journal, ['a', 'b']);
      if ((await opened.stateOf('a'))?.stage !== 'lined') {
        reworded += 1;
        await expectMade(opened, 'a', { prompt: words, inputPrompt: 'A fox in the snow' });
        await expectMade(opened, 'b', { prompt: 'A fox in the snow', inputPrompt: undefined });
      }
      if (killed) continue;
      expect(reworded).toBeGreaterThan(3);
      return;
    }
  });
});

describe('words that the journal has of a lost Redis', () => {
  const note = { brief: 'a', opened: 3, words, fingerprint: 'ab' };

  async function lost(fingerprint: string, { elsewhere = false } = {}) {
    const opened = await openFinished();
    const { ledger, out, queues, redis, prefix } = opened;
    const journal = await Journal.open(out, { ...identity, batch: 'spring' });
    await journal.note(note);
    if (elsewhere) await journal.note({ elsewhere: true });
    await journal.close();
    await redis.del(...(await redis.keys(`${prefix}*`)));
    await ledger.open({ ...identity, out });
    const noted = await readJournal(out);
    if (noted === null) throw new Error('it was begun');
    await ledger.briefs.admit([{ ...preparedBrief('a'), fingerprint }], 0);
    await adoptUnderWay({ ledger, queues, out }, noted, ['a']);
    const content = parseContent((await ledger.briefs.readContent('a')) ?? '');
    return { state: await opened.stateOf('a'), prompt: content.request.prompt };
  }

  it('S1: are nothing where its row has changed since', async () => {
    const { state, prompt } = await lost('cd');
    expect(prompt).toBe('A fox in the snow');
    expect(state).toMatchObject({ stage: 'admitted', attempt: 3, fingerprint: 'cd' });
  });

  it('S1: are what is asked about where machines without the folder may have sent them', async () => {
    const { state, prompt } = await lost('ab', { elsewhere: true });
    expect(prompt).toBe(words);
    expect(state).toMatchObject({ stage: 'submitting', attempt: 3, fingerprint: 'ab' });
  });
});
