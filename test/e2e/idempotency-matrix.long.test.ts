import { describe, expect, onTestFinished } from 'vitest';
import { createRivyaClient } from '../../src/rivya/client.js';
import { fast, mapping, productsCsv, test } from '../support/cli.js';
import { openBench } from '../worker/stages/stage-bench.js';

/**
 * What the API may do with a key that it has seen, what may have kept the first answer from us, and how old
 * the key is by then: every combination, and what the design promises for it (S1).
 */
const policies = ['replay', 'conflict', 'bills-twice'] as const;
type Policy = (typeof policies)[number];

interface Promised {
  what: string;
  status: 'succeeded' | 'unknown';
  error: string | null;
  tasks: number;
  submits: number;
}

/** While the API surely knows the key, the same bytes go again under it. */
const whileYoung: Record<Policy, Promised> = {
  replay: {
    what: 'the same task is answered again and collected',
    status: 'succeeded',
    error: null,
    tasks: 1,
    submits: 2,
  },
  conflict: {
    what: 'it may have been paid: unknown, for a person to decide',
    status: 'unknown',
    error: 'idempotency_conflict',
    tasks: 1,
    submits: 2,
  },
  // An API that breaks its own promise: no client can ask without paying. The audit tells.
  'bills-twice': {
    what: 'paid twice by an API that forgets its promise, once and no more',
    status: 'succeeded',
    error: null,
    tasks: 2,
    submits: 2,
  },
};

/** Once the API may have forgotten the key, nothing is sent under it, whatever the API would do. */
const onceOld: Promised = {
  what: 'not sent again: unknown, for a person to decide',
  status: 'unknown',
  error: 'outcome_unknown',
  tasks: 1,
  submits: 1,
};

const ages = ['young', 'old'] as const;
const promisedFor = (policy: Policy, age: (typeof ages)[number]) =>
  age === 'young' ? whileYoung[policy] : onceOld;

const run = ['run', 'in.csv', '--out', 'out', ...mapping, ...fast];
const keyAges = {
  young: [],
  /** 0.36 s: the first retry would come after it. */
  old: ['--key-life', '0.0001'],
};

/** What keeps the first answer from us, one for each brief. */
const losses = {
  'Product 1': 'lose-answer-after-accept',
  'Product 2': 'error-after-accept',
  'Product 3': 'gateway-after-accept',
};

describe.concurrent('idempotency, answers that are lost, a 500 or a 502 page', () => {
  for (const policy of policies) {
    for (const age of ages) {
      const promised = promisedFor(policy, age);
      test(`${policy}, key ${age}: ${promised.what} (S1)`, async ({ openDesk }) => {
        const faults = Object.entries(losses).map(
          ([title, fault]) => `${fault}:1x:prompt=${title}`,
        );
        const desk = await openDesk({ idempotency: policy, faults });
        await desk.write('in.csv', productsCsv(faults.length));
        const { code, stdout } = await desk.run([...run, ...keyAges[age]]);
        expect(code).toBe(promised.status === 'succeeded' ? 0 : 3);
        const bill = desk.simulator.bill();
        expect(Object.values(bill.faults)).toEqual([1, 1, 1]);
        const found = (await desk.lines('out')).map((line) => ({
          title: line.input.title,
          attempt: line.attempt,
          status: line.status,
          error: line.error?.code ?? null,
          tasks: bill.byPrompt[line.prompt ?? '']?.tasks,
        }));
        const { status, error, tasks } = promised;
        const wanted = { attempt: 1, status, error, tasks };
        expect(found.sort((a, b) => String(a.title).localeCompare(String(b.title)))).toEqual(
          Object.keys(losses).map((title) => ({ title, ...wanted })),
        );
        expect(Object.keys(bill.byIdempotencyKey)).toHaveLength(faults.length);
        expect(bill.replays).toBe(faults.length * (promised.submits - 1));
        // Where an API pays twice after all, the account's balance says so.
        expect(stdout).toContain(`the balance moved by ${bill.total.spent} credits`);
      });
    }
  }
});

const job = { briefId: 'a', attempt: 1 };
const hourMs = 3_600_000;

/** A brief whose first answer comes after the client has stopped waiting for it. */
async function submitAndMissTheAnswer(policy: Policy) {
  const bench = await openBench({ idempotency: policy, faults: ['late-answer=600000:1x'] });
  const { origin } = bench.simulator;
  const impatient = createRivyaClient({ origin, apiKey: 'rvya_sk_late', requestTimeoutMs: 2_000 });
  onTestFinished(() => impatient.close());
  bench.context.client = impatient;
  await bench.admit('a');
  await bench.send(job);
  // Only the first answer is missed, however slow this machine is.
  bench.context.client = bench.client;
  return bench;
}

// One after another: what they open is closed by a hook that belongs to the test that runs.
describe('idempotency, an answer that comes too late', () => {
  for (const policy of policies) {
    for (const age of ages) {
      const promised = promisedFor(policy, age);
      test(`${policy}, key ${age}: ${promised.what} (S1)`, async () => {
        const bench = await submitAndMissTheAnswer(policy);
        const state = await bench.stateOf('a');
        if (state?.stage !== 'submitting') throw new Error(`it is ${state?.stage}`);
        if (age === 'old') {
          await bench.place('a', { ...state, firstSentAt: state.firstSentAt - 24 * hourMs });
        }
        const step = await bench.work('status', job);
        const bill = bench.simulator.bill();
        expect(bill.total.tasks).toBe(promised.tasks);
        expect(bill.replays).toBe(promised.submits - 1);
        if (promised.status === 'succeeded') {
          expect(step.kind).toBe('next');
          expect((await bench.stateOf('a'))?.stage).toMatch(/accepted|ready/);
          expect(await bench.lines()).toEqual([]);
          return;
        }
        expect(await bench.lines()).toMatchObject([
          { status: 'unknown', error: { code: promised.error } },
        ]);
      });
    }
  }
});
