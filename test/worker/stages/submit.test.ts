import { describe, expect, it, onTestFinished } from 'vitest';
import type { StateOf } from '../../../src/ledger/brief-state.js';
import { Journal, readContentAt, readJournal } from '../../../src/results/journal.js';
import { idempotencyKey } from '../../../src/shared/brief.js';
import type { SettingsPatch } from '../../../src/simulator/settings.js';
import { sendBrief } from '../../../src/worker/stages/submit.js';
import { identity } from '../../support/ledger.js';
import { type Bench, openBench, simulate } from './stage-bench.js';

const hourMs = 3_600_000;
const job = { briefId: 'a', attempt: 1 };

async function benchWith(settings: SettingsPatch = {}) {
  const bench = await openBench(settings);
  await bench.admit('a');
  return bench;
}

const submit = (bench: Bench, attempt = 1) => bench.send({ ...job, attempt });

/** Moves the key's clock back, as if the brief had been left alone for so long. */
async function age(bench: Bench, ms: number): Promise<void> {
  const state = await bench.stateOf('a');
  if (state?.stage !== 'submitting') throw new Error('only a brief that was sent has a key to age');
  await bench.place('a', { ...state, firstSentAt: state.firstSentAt - ms });
}

describe('a submission that is accepted', () => {
  it('S1: sends the frozen bytes once, saves the task, and goes on to the status stage', async () => {
    const bench = await benchWith({ durationMs: 60_000, speed: 1 });
    const step = await submit(bench);
    expect(step).toMatchObject({ kind: 'next', stage: 'status', attempt: 1 });
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'accepted', sends: 1, reserved: 1 });
    expect(await bench.inFlight()).toHaveLength(1);
    expect(bench.simulator.bill()).toMatchObject({ total: { tasks: 1, charged: 1 }, replays: 0 });
  });

  it('S1: repeated at any point it is paid once: the same key, the same bytes', async () => {
    const bench = await benchWith({ durationMs: 60_000, speed: 1 });
    const stale = await bench.leave(job);
    await submit(bench);
    // A worker that was frozen before its send wakes up and sends after all.
    expect(await sendBrief(bench.context, ...stale)).toMatchObject({ stage: 'status' });
    expect(await bench.begin('a')).toMatchObject({ kind: 'passed', state: { stage: 'accepted' } });
    expect(bench.simulator.bill()).toMatchObject({
      total: { tasks: 1 },
      replays: 1,
      billedTwice: [],
    });
    expect(await bench.inFlight()).toHaveLength(1);
  });

  it('S1: a crash between the answer and saving it leads to the same task', async () => {
    const bench = await benchWith({ durationMs: 60_000, speed: 1 });
    await bench.context.client.submit(await frozenRequest(bench));
    await bench.leave(job);
    await submit(bench);
    expect(bench.simulator.bill()).toMatchObject({ total: { tasks: 1 }, replays: 1 });
  });

  it('S1: notes in the journal when the clock of its key began, once, before it sends', async () => {
    const bench = await benchWith({ faults: ['lose-answer-after-accept:1x'] });
    const { out } = bench;
    const header = { ...identity, batch: bench.batch };
    const journal = await Journal.open(out, header);
    onTestFinished(() => journal.close());
    const first = await bench.leave(job);
    const [brief, permit] = first;
    let sendsNotedBefore = -1;
    const client = Object.create(bench.client, {
      submit: {
        value: async (...sent: Parameters<typeof bench.client.submit>) => {
          sendsNotedBefore = (await readJournal(out))?.sends.size ?? 0;
          return bench.client.submit(...sent);
        },
      },
    }) as typeof bench.client;
    await sendBrief({ ...bench.context, client, journal }, ...first);
    expect(sendsNotedBefore).toBe(1);
    await bench.send(job, { journal });
    const { firstSentAt: sentAt } = permit.brief.state;
    const noted = await readJournal(out);
    const { contentAt = 0, ...send } = noted?.sends.get('a') ?? {};
    expect(send).toEqual({
      attempt: 1,
      sentAt,
      credits: 1,
      fingerprint: permit.brief.state.fingerprint,
      kind: 'kind of a',
      sends: 2,
      seq: 1,
      admittedAt: identity.createdAt,
    });
    // With what was sent, and with the task as soon as there is one: the row may leave the input.
    expect(await readContentAt(out, contentAt)).toBe(brief.content.text);
    const { taskId: task } = (await bench.stateOf('a')) as StateOf<'accepted'>;
    expect(noted?.tasks.get('a')).toMatchObject({ attempt: 1, task, category: 'image' });
  });

  it('S3: a task is in the journal where Redis has lost its brief before the answer came', async () => {
    const bench = await benchWith();
    const { out } = bench;
    const journal = await Journal.open(out, { ...identity, batch: bench.batch });
    onTestFinished(() => journal.close());
    const client = Object.create(bench.client, {
      submit: {
        value: async (...sent: Parameters<typeof bench.client.submit>) => {
          const answer = await bench.client.submit(...sent);
          await bench.ledger.forget();
          return answer;
        },
      },
    }) as typeof bench.client;
    const go = await bench.leave(job);
    const step = await sendBrief({ ...bench.context, client, journal }, ...go);
    expect(step).toEqual({ kind: 'missing' });
    expect((await readJournal(out))?.tasks.get('a')?.task).toMatch(/^task_/);
  });

  it('S1: is not sent where it cannot be noted, and told', async () => {
    const bench = await benchWith();
    const journal = await Journal.open(bench.out, { ...identity, batch: bench.batch });
    await journal.close();
    expect(await bench.send(job, { journal })).toMatchObject({ kind: 'hold', of: 'batch' });
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'admitted', sends: 0 });
    expect(bench.notices).toMatchObject([{ kind: 'output_trouble' }]);
    expect(bench.simulator.bill().total.tasks).toBe(0);
  });

  it('gives up its turn and its place in flight when the process is to stop', async () => {
    const bench = await benchWith();
    const go = await bench.leave(job);
    bench.stopping.abort();
    expect(await sendBrief(bench.context, ...go)).toEqual({ kind: 'hold', of: 'all', waitMs: 0 });
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'admitted', sends: 0 });
    expect(await bench.inFlight()).toEqual([]);
    expect(bench.simulator.bill().requests.total).toBe(0);
  });
});

describe('a submission without a clear answer', () => {
  it('S1: is asked again under the same key, and keeps its place in flight', async () => {
    const bench = await benchWith({ faults: ['lose-answer-after-accept:1x'] });
    // Watched beside the running tasks: in this queue it would wait behind those that want its place.
    const step = { kind: 'next', stage: 'status', attempt: 1, delayMs: 5_000 };
    expect(await submit(bench)).toEqual(step);
    expect(bench.notices).toMatchObject([{ kind: 'outcome_unknown', briefId: 'a' }]);
    expect(await bench.inFlight()).toHaveLength(1);
    expect(await submit(bench)).toMatchObject({ kind: 'next', stage: 'status' });
    const bill = bench.simulator.bill();
    expect(bill).toMatchObject({ total: { tasks: 1, charged: 1 }, replays: 1, billedTwice: [] });
  });

  it('S1: is not sent again once its key may be forgotten, however late the next turn', async () => {
    const bench = await benchWith({
      faults: ['lose-answer-after-accept:1x'],
      keyLifetimeMs: 24 * hourMs,
    });
    await submit(bench);
    await age(bench, 24 * hourMs);
    const before = bench.simulator.bill().requests.total;
    expect(await submit(bench)).toEqual({ kind: 'done' });
    expect(bench.simulator.bill().requests.total).toBe(before);
    expect(await bench.lines()).toMatchObject([
      { status: 'unknown', task_id: null, error: { code: 'outcome_unknown' } },
    ]);
    expect(await bench.inFlight()).toEqual([]);
  });

  it.each([
    ['429', 'rate-limited:1x:endpoint=submit'],
    ['503 public_api_disabled', 'api-disabled:1x:endpoint=submit'],
    ['401', 'revoked-key:1x:endpoint=submit'],
    ['402', 'refuse=402/insufficient_credits:1x:endpoint=submit'],
  ])('S1: a later %s does not start its key again', async (_what, refusal) => {
    const bench = await benchWith({ faults: ['lose-answer-after-accept:1x'] });
    await submit(bench);
    bench.simulator.control({ faults: [refusal] });
    expect(await submit(bench)).toMatchObject({ kind: 'hold' });
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'submitting', attempt: 1 });
    expect(await bench.inFlight()).toHaveLength(1);
    await bench.redis.del(bench.account.keys.gate, bench.account.keys.pace);
    await age(bench, 24 * hourMs);
    expect(await submit(bench)).toEqual({ kind: 'done' });
    expect(await bench.lines()).toMatchObject([{ status: 'unknown' }]);
    expect(bench.simulator.bill().total.tasks).toBe(1);
  });

  it('S1: is not called failed, and so not paid again, when a later send is found invalid', async () => {
    const bench = await benchWith({ faults: ['lose-answer-after-accept:1x'] });
    await submit(bench);
    bench.simulator.control({ faults: ['refuse=400/validation_failed:1x'] });
    expect(await submit(bench)).toEqual({ kind: 'done' });
    expect(await bench.lines()).toMatchObject([
      { status: 'unknown', error: { code: 'validation_failed' } },
    ]);
  });

  it.each([
    'status-after-accept=303:1x',
    'status-after-accept=302:1x',
    'status-after-accept=407:1x',
    'status-after-accept=418:1x',
    'status-after-accept=499:1x',
    'status-after-accept=499/error:1x',
    'status-after-accept=520:1x',
    'status-after-accept=200:1x',
  ])('S1: %s is no word of whether it was taken: the same key again, paid once', async (fault) => {
    const bench = await benchWith({ faults: [fault], durationMs: 60_000, speed: 1 });
    expect(await submit(bench)).toMatchObject({ kind: 'next', stage: 'status', delayMs: 5_000 });
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'submitting', attempt: 1 });
    expect((await bench.account.view()).downUntilMs).toBe(0);
    expect(await submit(bench)).toMatchObject({ kind: 'next', stage: 'status' });
    const bill = bench.simulator.bill();
    expect(bill).toMatchObject({ total: { tasks: 1, charged: 1 }, replays: 1, billedTwice: [] });
  });

  it('S1: stays open when the process stops before the next send', async () => {
    const bench = await benchWith({ faults: ['lose-answer-after-accept:1x'] });
    await submit(bench);
    const go = await bench.leave(job);
    bench.stopping.abort();
    expect(await sendBrief(bench.context, ...go)).toMatchObject({ kind: 'hold' });
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'submitting' });
    expect(await bench.inFlight()).toHaveLength(1);
  });

  it('S1: ends as unknown where the API says that the key was used otherwise', async () => {
    const bench = await benchWith({ idempotency: 'conflict', faults: ['error-after-accept:1x'] });
    await submit(bench);
    expect(await submit(bench)).toEqual({ kind: 'done' });
    expect(await bench.lines()).toMatchObject([
      { status: 'unknown', error: { code: 'idempotency_conflict' } },
    ]);
  });

  it('S1: a process that was frozen past its turn does not send', async () => {
    const bench = await benchWith();
    const go = await bench.leave(job);
    // The lid closes after the permit and opens the next day: one of the machine's clocks may have stood still.
    let reads = 0;
    const machine = () => ({ wallMs: reads++ === 0 ? 0 : 25 * hourMs, steadyMs: reads });
    expect(await sendBrief({ ...bench.context, machine }, ...go)).toMatchObject({
      kind: 'hold',
    });
    expect(bench.simulator.bill().requests.total).toBe(0);
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'admitted' });
  });
});

describe('a submission that is refused', () => {
  it('S1 S7: gives back turn and place after a 429, and keeps its key', async () => {
    const bench = await benchWith({ faults: ['rate-limited=7:1x'] });
    expect(await submit(bench)).toEqual({ kind: 'hold', of: 'all', waitMs: 7_000 });
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'admitted', attempt: 1, sends: 1 });
    expect(await bench.inFlight()).toEqual([]);
    expect(bench.notices).toEqual([{ kind: 'throttled', waitMs: 7_000 }]);
    const wait = await bench.begin('a', { longestWaitMs: 2_000 });
    expect(wait).toMatchObject({ kind: 'wait', reason: 'pace' });
  });

  it('S1: takes a new attempt only when the API replays the very same refusal', async () => {
    const bench = await benchWith({ credits: 0, replayRefusals: true });
    expect(await submit(bench)).toMatchObject({ kind: 'hold', waitMs: 5_000 });
    await bench.account.unpark();
    bench.simulator.control({ credits: 100 });
    const step = await submit(bench);
    expect(step).toMatchObject({ kind: 'next', stage: 'submit', attempt: 2 });
    await bench.account.unpark();
    expect(await bench.begin('a')).toMatchObject({ kind: 'passed', state: { attempt: 2 } });
    expect(await submit(bench, 2)).toMatchObject({ kind: 'next', stage: 'status', attempt: 2 });
    expect(bench.simulator.bill().total).toMatchObject({ tasks: 1, charged: 1 });
    expect(Object.keys(bench.simulator.bill().byIdempotencyKey)).toHaveLength(1);
  });

  it('S1: keeps its attempt over any number of refusals with ids of their own', async () => {
    const bench = await benchWith({ credits: 0 });
    for (const _ of [1, 2, 3]) {
      await submit(bench);
      await bench.account.unpark();
    }
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'admitted', attempt: 1, sends: 3 });
  });

  it('S4: has its line when it is invalid, with the request and without a charge', async () => {
    const bench = await benchWith({ faults: ['refuse=400/validation_failed:1x'] });
    expect(await submit(bench)).toEqual({ kind: 'done' });
    expect(await bench.lines()).toMatchObject([
      {
        brief_id: 'a',
        status: 'failed',
        credits: { reserved: null, final: null },
        error: { code: 'validation_failed', request_id: expect.stringMatching(/^req_/) },
        requests: { submits: 1, status_checks: 0 },
      },
    ]);
    expect(await bench.ledger.meta()).toMatchObject({ pending: 0, spent: 0 });
  });

  it('halts all submissions when the key is refused', async () => {
    const bench = await benchWith({ faults: ['revoked-key:1x'] });
    expect(await submit(bench)).toMatchObject({ kind: 'hold' });
    expect(await bench.begin('a')).toEqual({ kind: 'halted' });
    expect((await bench.account.view()).gate).toMatchObject({
      kind: 'halted',
      code: 'api_key_revoked',
    });
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'admitted' });
  });

  const page = (status: number, endpoint: string) => `page=${status}:endpoint=${endpoint}`;
  const scopes = ['generations:create', 'generations:read'];
  const key = 'rvya_sk_test_0123456789abcdef';

  it.each<[string, SettingsPatch]>([
    ['a 403 page', { faults: [page(403, 'submit')] }],
    ['a 401 page', { faults: [page(401, 'submit')] }],
    ['a 404 page', { faults: [page(404, 'submit')] }],
    ['a 403 with a code nobody knows', { faults: ['refuse=403/blocked:endpoint=submit'] }],
    [
      'a 403 page, to a key that may not read balances',
      {
        faults: [page(403, 'submit')],
        keys: [{ key, scopes }],
      },
    ],
    [
      'a 403 page, and one for the balance too',
      {
        faults: [page(403, 'submit'), page(403, 'credits')],
      },
    ],
    [
      'a 403 page, while nobody tells the balance',
      {
        faults: [page(403, 'submit'), 'outage:endpoint=credits'],
      },
    ],
  ])('S2: %s puts off that brief alone, with no place in flight', async (_what, settings) => {
    const bench = await benchWith(settings);
    await bench.admit('b');
    const step = { kind: 'later', afterMs: 5_000, puttingsOff: 1 };
    expect(await submit(bench)).toEqual(step);
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'admitted', attempt: 1 });
    expect(await bench.inFlight()).toEqual([]);
    expect(bench.notices).toMatchObject([{ kind: 'refused_unexplained', briefId: 'a' }]);
    expect(await bench.begin('b')).toMatchObject({ kind: 'go', probe: 'none' });
  });

  it('S4: a brief that is refused without a reason to the end gets its line, unpaid', async () => {
    const bench = await benchWith({ faults: [page(403, 'submit')] });
    expect(await bench.send({ ...job, puttingsOff: 5 })).toEqual({ kind: 'done' });
    expect(await bench.lines()).toMatchObject([
      { status: 'failed', error: { code: 'http_403' }, credits: { reserved: null, final: null } },
    ]);
    expect((await bench.account.view()).gate.kind).toBe('open');
  });

  it('halts where a look at the balance finds that the key is refused', async () => {
    const bench = await benchWith({
      faults: [page(403, 'submit'), 'revoked-key:endpoint=credits'],
    });
    expect(await submit(bench)).toMatchObject({ kind: 'hold' });
    expect((await bench.account.view()).gate).toMatchObject({
      kind: 'halted',
      code: 'api_key_revoked',
    });
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'admitted' });
  });

  it.each([
    [page(401, 'submit'), page(401, 'credits'), 'http_401'],
    [
      'refuse=403/account_suspended:endpoint=submit',
      'refuse=403/account_suspended',
      'account_suspended',
    ],
  ])('halts where the balance is refused in the same way: %s, %s', async (first, second, code) => {
    const bench = await benchWith({ faults: [first, second] });
    expect(await submit(bench)).toMatchObject({ kind: 'hold' });
    expect((await bench.account.view()).gate).toMatchObject({ kind: 'halted', code });
  });

  it('waits for an API that answers everything with a page, and lines nothing', async () => {
    const bench = await benchWith({ faults: ['page=403'] });
    expect(await submit(bench)).toEqual({ kind: 'hold', of: 'all', waitMs: 2_000 });
    expect(await bench.begin('a')).toMatchObject({ kind: 'wait', reason: 'api_down' });
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'admitted' });
  });

  it('waits for an API that cannot be reached, and lifts the hold with the first success', async () => {
    const bench = await benchWith();
    await bench.simulator.close();
    expect(await submit(bench)).toEqual({ kind: 'hold', of: 'all', waitMs: 2_000 });
    expect(await bench.begin('a')).toMatchObject({ kind: 'wait', reason: 'api_down' });
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'admitted' });
    // The API is back: the next that is accepted says so for all.
    const { client } = await simulate();
    await bench.redis.hset(bench.account.keys.gate, 'down_until', 1);
    await bench.send(job, { client });
    expect((await bench.account.view()).downUntilMs).toBe(0);
  });
});

describe('headers that say that nothing is left', () => {
  const odd = { faults: ['odd-reset=30000/0'], durationMs: 60_000, speed: 1 };

  it('S7: hold for ten seconds, and a person hears of it', async () => {
    const bench = await benchWith(odd);
    await bench.account.leave('bench');
    await bench.account.heartbeat('untold', { rate: null, inFlight: null });
    await submit(bench);
    expect(bench.notices).toMatchObject([{ kind: 'used_up', waitMs: expect.any(Number) }]);
    const { rest } = await bench.account.view();
    expect(rest).toMatchObject({ by: 'headers' });
    expect(rest?.ms).toBeLessThanOrEqual(10_000);
  });

  it('S7: are not looked at where a person tells the rate', async () => {
    const bench = await benchWith(odd);
    await submit(bench);
    expect(bench.notices).toEqual([]);
    expect((await bench.account.view()).rest).toBeNull();
  });
});

describe('an account without credits', () => {
  async function parked(settings: SettingsPatch = {}) {
    const bench = await benchWith({ credits: 0, ...settings });
    await submit(bench);
    return bench;
  }

  /** Lets the probe be due. */
  const due = (bench: Bench) => bench.redis.hset(bench.account.keys.gate, 'probe_at', 1);

  it('sends nothing but the look at the balance while that is empty', async () => {
    const bench = await parked();
    expect(bench.notices).toEqual([{ kind: 'parked', probeInMs: 5_000 }]);
    const submits = bench.simulator.bill().requests.byEndpoint.submit;
    await due(bench);
    expect(await submit(bench)).toEqual({ kind: 'hold', of: 'all', waitMs: 10_000 });
    expect(bench.simulator.bill().requests.byEndpoint.submit).toEqual(submits);
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'admitted', sends: 1 });
    expect(await bench.inFlight()).toEqual([]);
    expect(await bench.account.records.wallet()).toMatchObject({ credits: 0 });
  });

  it('goes on with the first brief that is accepted', async () => {
    const bench = await parked();
    bench.simulator.control({ credits: 10 });
    await due(bench);
    expect(await submit(bench)).toMatchObject({ kind: 'next', stage: 'status' });
    expect((await bench.account.view()).gate).toEqual({ kind: 'open' });
    expect(bench.notices.at(-1)).toEqual({ kind: 'credits_back' });
    expect(await bench.account.records.wallet()).toMatchObject({ credits: 10 });
  });

  it('S7: sends no submission after its look at the balance was refused with 429', async () => {
    const bench = await parked();
    bench.simulator.control({ credits: 10, faults: ['rate-limited=9:1x:endpoint=credits'] });
    await due(bench);
    expect(await submit(bench)).toEqual({ kind: 'hold', of: 'all', waitMs: 9_000 });
    expect(bench.simulator.bill().total.tasks).toBe(0);
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'admitted' });
  });

  it('S1: takes a task that failed for want of credits for a refusal, under a new key', async () => {
    const bench = await parked({ insufficientCredits: 'failed-task' });
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'admitted', attempt: 2 });
    expect((await bench.account.view()).gate.kind).toBe('parked');
    expect(await bench.inFlight()).toEqual([]);
    expect(await bench.lines()).toEqual([]);
  });
});

async function frozenRequest(bench: Bench) {
  const content = (await bench.ledger.briefs.readContent('a')) ?? '';
  const body = content.slice(content.indexOf('\n') + 1);
  const key = { batch: bench.batch, briefId: 'a', attempt: 1, body, nonce: '' };
  return { idempotencyKey: idempotencyKey(key), body };
}
