import { describe, expect, it } from 'vitest';
import { planReopening } from '../../src/batch/plan-reopening.js';
import type { BriefTexts } from '../../src/ledger/brief-ledger.js';
import { encodeState } from '../../src/ledger/brief-state.js';
import { type Draft, draftText } from '../../src/shared/draft.js';
import type { ManifestLine } from '../../src/shared/manifest-line.js';
import { manifestLine } from '../shared/manifest-lines.js';
import { preparedBrief } from '../support/ledger.js';

const { origin, body } = preparedBrief('a');
const error = (code: string) => ({ code, message: 'no', request_id: null });

function plan(patch: Partial<ManifestLine>, given: Partial<BriefTexts> = {}) {
  const line = manifestLine({ assets: [], ...patch });
  const { attempt, status, seq } = line;
  const texts = {
    stateText: encodeState({ stage: 'lined', attempt, fingerprint: 'ab', seq, status }),
    content: `${origin}\n${body}`,
    ...given,
  };
  return planReopening(line, texts, () => 'video', 2);
}

describe('planReopening', () => {
  it('S1: a brief whose task failed gets a new attempt, from the start', () => {
    const reopening = plan({ status: 'failed', error: error('nsfw'), attempt: 2, seq: 7 });
    expect(reopening).toMatchObject({
      way: 'new_attempt',
      model: 'z-image',
      opening: { content: null, left: null },
    });
    expect(reopening?.opening.to).toEqual({
      stage: 'admitted',
      run: 2,
      attempt: 3,
      fingerprint: 'ab',
      seq: 7,
      admittedAt: Date.parse('2026-06-01T12:00:00.000Z'),
      sends: 0,
      refusalId: null,
    });
  });

  it('S1 S3: an unknown outcome with a task id is looked at again, under the same attempt', () => {
    const reopening = plan({ status: 'unknown', error: error('task_overdue') });
    expect(reopening).toMatchObject({ way: 'reread', opening: { left: null } });
    expect(reopening?.opening.to).toEqual({
      stage: 'accepted',
      attempt: 1,
      fingerprint: 'ab',
      seq: 1,
      admittedAt: Date.parse('2026-06-01T12:00:00.000Z'),
      sends: 1,
      taskId: 'task_1',
      reserved: 1,
      submittedAt: Date.parse('2026-06-01T12:00:01.000Z'),
      category: 'video',
      checks: 2,
      kind: 'z-image',
      runningAt: null,
    });
  });

  it('S1: an unknown outcome without a task id may have been paid', () => {
    const reopening = plan({ status: 'unknown', task_id: null, error: error('outcome_unknown') });
    expect(reopening).toMatchObject({ way: 'perhaps_again' });
  });

  it('S1: an abandoned task is looked at again, and what it cost goes with it', () => {
    const credits = { reserved: 4, final: null };
    const abandoned = { status: 'cancelled', error: error('abandoned'), credits } as const;
    expect(plan(abandoned)).toMatchObject({
      way: 'reread',
      opening: { left: { credits: 4, day: '2026-06-01', kind: 'z-image' } },
    });
    const nothingKnown = { ...abandoned, credits: { reserved: null, final: null } };
    expect(plan(nothingKnown)?.opening.left).toBeNull();
    expect(plan({ ...abandoned, task_id: null })).toMatchObject({
      way: 'perhaps_again',
    });
  });

  it.each([
    ['failed', 'succeeded_no_output'],
    ['failed', 'result_url_refused'],
    ['failed', 'result_too_large'],
    ['failed', 'download_failed'],
    ['unknown', 'download_unavailable'],
  ] as const)(
    'S1 S3: a %s task that succeeded (%s) is only looked at again, and is counted once',
    (status, code) => {
      const reopening = plan({ status, error: error(code), credits: { reserved: 3, final: 2 } });
      expect(reopening).toMatchObject({ way: 'reread', opening: { to: { attempt: 1 } } });
      const left = { credits: 2, day: '2026-06-01', kind: 'z-image' };
      expect(reopening?.opening.left).toEqual(status === 'unknown' ? null : left);
    },
  );

  it('S1: one whose picture was none is made again, which is paid: another look would bring the same', () => {
    const invalid = { status: 'failed', error: error('asset_invalid') } as const;
    expect(plan(invalid)).toMatchObject({ way: 'new_attempt', opening: { to: { attempt: 2 } } });
  });

  it('a brief that was cancelled before its turn is simply submitted', () => {
    const cancelled = { status: 'cancelled', task_id: null, error: error('cancelled') } as const;
    expect(plan(cancelled)).toMatchObject({ way: 'new_attempt' });
  });

  describe('of a step whose body was fixed', () => {
    const draft: Draft = {
      ...{ endpoint: 'generations', model: 'z-image', prompt: null, params: {}, texts: {} },
      references: [{ output: 'still', file: true }],
    };
    const content = `${JSON.stringify({ ...JSON.parse(origin), draft })}\n${body}`;

    it('a new attempt is fixed again, whose files nobody may know otherwise', () => {
      const reopening = plan({ status: 'failed', error: error('nsfw'), draft }, { content });
      expect(reopening?.opening.to).toMatchObject({ stage: 'waiting', attempt: 2 });
      expect(reopening?.opening.content).toBe(`${origin}\n${draftText(draft)}`);
    });

    it.each([
      ['a task that is looked at again', 'task_1', { stage: 'accepted', attempt: 1 }],
      ['one that may have been paid', null, { stage: 'admitted', attempt: 2 }],
    ])('S1: %s keeps it', (_what, task_id, to) => {
      const lost = { status: 'unknown', error: error('outcome_unknown'), task_id, draft } as const;
      expect(plan(lost, { content })).toMatchObject({ opening: { content: null, to } });
    });
  });

  it('S4: a line that is not what the ledger knows is left alone', () => {
    const lined = { stage: 'lined', fingerprint: 'ab', seq: 1 } as const;
    const others = [
      encodeState({ ...lined, attempt: 2, status: 'failed' }),
      encodeState({ ...lined, attempt: 1, status: 'unknown' }),
      null,
    ];
    for (const stateText of others) {
      expect(plan({ status: 'failed' }, { stateText })).toBeNull();
    }
  });

  it('what the ledger keeps no longer is made from its line', () => {
    const made = plan({ status: 'succeeded', prompt: 'A fox' }, { content: null });
    expect(made?.opening.content).toContain('"prompt":"A fox"');
  });
});
