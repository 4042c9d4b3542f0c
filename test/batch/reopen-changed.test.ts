import { describe, expect, it } from 'vitest';
import { type Reopener, reopenChanged } from '../../src/batch/reopen.js';
import { readJournal } from '../../src/results/journal.js';
import { admittedContent, type PreparedBrief } from '../../src/shared/brief.js';
import { preparedBrief } from '../support/ledger.js';
import { Killed, killedAt } from '../worker/killed-at.js';
import { type Finished, openFinished, withParts } from './finished-batch.js';

const changedBody = '{"model":"z-image","prompt":"other"}';

/** a (succeeded), b (failed), c (unknown) and late (waiting) have changed; e is as it was. */
async function* input(): AsyncGenerator<PreparedBrief> {
  for (const id of ['a', 'b', 'c', 'late']) {
    yield { ...preparedBrief(id), fingerprint: 'cd', body: changedBody };
  }
  yield preparedBrief('e');
}

const change = (reopener: Reopener) =>
  reopenChanged(reopener, input, { run: 2, forced: null, nowMs: 7 });

async function expectReopened(opened: Finished): Promise<void> {
  const { lines, file, stateOf, ledger, jobs, oldHistory } = opened;
  expect(await file('manifest.jsonl')).toBe(`${lines.c}\n${lines.d}\n${lines.e}\n`);
  expect(await file('history.jsonl')).toBe(`${oldHistory}${lines.a}\n${lines.b}\n`);
  for (const id of ['a', 'b', 'late']) {
    const again = { stage: 'admitted', attempt: 2, fingerprint: 'cd', run: 2, admittedAt: 7 };
    expect(await stateOf(id)).toMatchObject(again);
    const changed = preparedBrief(id, { body: changedBody });
    expect(await ledger.briefs.readContent(id)).toBe(admittedContent('spring', changed, 'given'));
  }
  expect(await stateOf('c')).toMatchObject({ stage: 'lined', status: 'unknown', attempt: 1 });
  expect(await stateOf('e')).toMatchObject({ stage: 'lined', status: 'succeeded' });
  expect(await jobs('submit')).toEqual(['a 2', 'b 2', 'late 2']);
  expect(await ledger.meta()).toMatchObject({
    pending: 3,
    lines: { succeeded: 1, failed: 1, unknown: 1 },
  });
}

describe('reopenChanged', () => {
  it('S1: opens changed briefs for a new attempt with their new content, and no others', async () => {
    const opened = await openFinished();
    await change(opened.reopener);
    await expectReopened(opened);
    await change(opened.reopener);
    await expectReopened(opened);
  });

  for (const moment of ['before', 'after'] as const) {
    it(`S1, S4: killed ${moment} any of its calls to Redis, the next one completes it`, async () => {
      for (let nth = 1; ; nth += 1) {
        const opened = await openFinished();
        const counter = { left: nth };
        const { reopened, outbox, briefs } = opened.ledger;
        const doomed = withParts(opened.reopener, {
          reopened: killedAt(reopened, counter, moment),
          outbox: killedAt(outbox, counter, moment),
          briefs: killedAt(briefs, counter, moment),
          queues: killedAt(opened.queues, counter, moment),
        });
        const killed = await change(doomed).then(
          () => counter.left <= 0,
          (error: unknown) => {
            if (error instanceof Killed) return true;
            throw error;
          },
        );
        await opened.expireHold();
        await change(opened.reopener);
        await expectReopened(opened);
        if (!killed) {
          expect(nth).toBeGreaterThan(10);
          return;
        }
      }
    });
  }

  it('S4: lines on their way to the manifest are written first', async () => {
    const opened = await openFinished();
    await opened.finish('late');
    await change(opened.reopener);
    const { c, d, e, a, b, late } = opened.lines;
    expect(await opened.file('manifest.jsonl')).toBe(`${c}\n${d}\n${e}\n`);
    expect(await opened.file('history.jsonl')).toBe(`${opened.oldHistory}${a}\n${b}\n${late}\n`);
  });

  it('S1: what is being sent when it begins keeps its content and its attempt', async () => {
    const opened = await openFinished();
    const { ledger, out } = opened;
    // Submitted between the look at its state and the step that would open it.
    const value = async (...given: Parameters<typeof ledger.reopened.open>) => {
      const read = await ledger.briefs.read('late');
      if (read?.state.stage === 'admitted') {
        const to = { ...read.state, stage: 'submitting', firstSentAt: 1, sends: 1 } as const;
        const from = { text: read.text, state: read.state };
        await ledger.briefs.move('late', { from, to });
      }
      return ledger.reopened.open(...given);
    };
    const reopened = Object.create(ledger.reopened, { open: { value } }) as typeof ledger.reopened;
    const content = await ledger.briefs.readContent('late');
    await change(withParts(opened.reopener, { reopened }));
    expect(await opened.stateOf('late')).toMatchObject({ stage: 'submitting', attempt: 1 });
    expect(await ledger.briefs.readContent('late')).toBe(content);
    expect(await ledger.reopened.any()).toBe(false);
    // Its attempt is not the one that the journal would bring back.
    expect((await readJournal(out))?.opened).toEqual(
      new Map([
        ['a', 2],
        ['b', 2],
      ]),
    );
  });
});
