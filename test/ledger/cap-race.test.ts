import { setImmediate as breathe } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { OpenLedger } from '../support/ledger.js';
import { newPrefix, openLedger } from '../support/ledger.js';

const submitters = 50;
const connections = 5;
const cap = 400;
/** Price kinds as the account knows them. */
const prices = { still: 2, clip: 3, film: 7 } as const;
type Kind = keyof typeof prices;

/** The account as the API has it: what every accepted task will cost. */
class Wallet {
  spent = 0;
  private held = 0;
  mostAtStake = 0;

  hold(credits: number): void {
    this.held += credits;
    this.mostAtStake = Math.max(this.mostAtStake, this.spent + this.held);
  }

  settle(credits: number, charged: number): void {
    this.held -= credits;
    this.spent += charged;
  }
}

interface Task {
  id: string;
  kind: Kind;
  fate: 'paid' | 'refunded' | 'refused_once';
}

function makeTasks(kinds: readonly Kind[]): Task[] {
  const fates = ['paid', 'paid', 'refunded', 'paid', 'refused_once'] as const;
  return Array.from({ length: 300 }, (_, index) => ({
    id: `b${index}`,
    kind: kinds[index % kinds.length] ?? 'still',
    fate: fates[index % fates.length] ?? 'paid',
  }));
}

/** One submitter: takes tasks until the cap refuses one while nothing is under way that could free credits. */
async function submit(opened: OpenLedger, tasks: Task[], wallet: Wallet, busy: Set<string>) {
  for (let task = tasks.shift(); task; task = tasks.shift()) {
    const price = prices[task.kind];
    busy.add(task.id);
    const permit = await opened.begin(task.id, { cap: 1_000, priceKind: task.kind, guess: 9 });
    if (permit.kind === 'wait') {
      busy.delete(task.id);
      tasks.unshift(task);
      if (permit.reason === 'cap' && busy.size === 0) return;
      await breathe();
      continue;
    }
    if (permit.kind !== 'go') throw new Error(`no leave to send: ${JSON.stringify(permit)}`);
    wallet.hold(price);
    await breathe();
    if (task.fate === 'refused_once') {
      const { firstSentAt: _sent, ...rest } = permit.brief.state;
      wallet.settle(price, 0);
      const to = { ...rest, stage: 'admitted' } as const;
      await opened.ledger.briefs.move(task.id, { from: permit.brief, to });
      tasks.push({ ...task, fate: 'paid' });
    } else {
      const charged = task.fate === 'paid' ? price : 0;
      const { nowMs } = permit;
      wallet.settle(price, charged);
      const end = { line: '{}', status: 'succeeded', charged, checks: 1, downloads: 1 } as const;
      await opened.ledger.briefs.finish(task.id, { ...end, from: permit.brief, nowMs });
    }
    busy.delete(task.id);
  }
}

it.each([
  { name: 'one price', kinds: ['clip'] },
  { name: 'three prices', kinds: ['still', 'film', 'clip'] },
] satisfies { name: string; kinds: Kind[] }[])(
  'S6: 50 submitters at the edge of a cap, $name: never over it, and used up to less than one task',
  async ({ kinds }) => {
    const prefix = newPrefix();
    const opened = await Promise.all(
      Array.from({ length: connections }, () => openLedger({ prefix })),
    );
    const [first] = opened;
    if (!first) throw new Error('no connection');
    const tasks = makeTasks(kinds);
    await first.admit(...tasks.map(({ id }) => id));
    await first.account.heartbeat('test', { rate: 100_000, inFlight: null });
    await first.redis.hset(first.account.keys.prices, prices);
    await first.ledger.setCaps({ batch: cap, day: undefined });
    const wallet = new Wallet();
    const busy = new Set<string>();
    await Promise.all(
      Array.from({ length: submitters }, (_, index) =>
        submit(opened[index % connections] ?? first, tasks, wallet, busy),
      ),
    );
    expect(wallet.mostAtStake).toBeLessThanOrEqual(cap);
    expect(cap - wallet.spent).toBeLessThan(Math.max(...kinds.map((kind) => prices[kind])));
    expect(tasks.length).toBeGreaterThan(0);
    const meta = await first.ledger.meta();
    expect(meta).toMatchObject({ spent: wallet.spent, reserved: 0 });
  },
);
