import type { Redis } from 'ioredis';
import type { AccountKeys } from './keys.js';
import { runScript } from './scripts.js';

/** What the API last said of the wallet. */
export interface WalletSight {
  credits: number;
  /** By Redis' clock, ms since the epoch. */
  readAtMs: number;
}

/** What an answer was, by the endpoint that gave it. */
export interface AnswerCount {
  endpoint: string;
  outcome: string;
  count: number;
}

/** Seldom enough to cost next to nothing of any pace, often enough for an alert. */
const walletFreshMs = 5 * 60_000;

/** What is kept of an account to be looked at by people: nothing is decided by it. */
export class AccountRecords {
  constructor(
    private readonly redis: Redis,
    private readonly keys: Pick<AccountKeys, 'wallet' | 'answers' | 'gate' | 'clock'>,
  ) {}

  async noteWallet(credits: number): Promise<void> {
    const { wallet, clock } = this.keys;
    await runScript(this.redis, 'note-wallet', { keys: [wallet, clock], values: [credits] });
  }

  /** Null where nobody has read it yet. */
  async wallet(): Promise<WalletSight | null> {
    const [credits, readAt] = await this.redis.hmget(this.keys.wallet, 'credits', 'read_at');
    if (!credits || !readAt) return null;
    return { credits: Number(credits), readAtMs: Number(readAt) };
  }

  /** `due` to one of all machines, where it was not read for minutes and no hold forbids to ask. */
  async claimWalletLook(): Promise<'due' | 'not_now'> {
    const due = await runScript(this.redis, 'claim-wallet-look', {
      keys: [this.keys.wallet, this.keys.gate, this.keys.clock],
      values: [walletFreshMs],
    });
    return due === 1 ? 'due' : 'not_now';
  }

  /** Nothing was asked after all: whoever claims next may. */
  async giveBackWalletLook(): Promise<void> {
    await this.redis.hdel(this.keys.wallet, 'asked_at');
  }

  /** Adds to the counts of all machines, in one command. */
  async addAnswers(counts: readonly AnswerCount[]): Promise<void> {
    if (counts.length === 0) return;
    await runScript(this.redis, 'add-answers', {
      keys: [this.keys.answers],
      values: counts.flatMap(({ endpoint, outcome, count }) => [`${endpoint} ${outcome}`, count]),
    });
  }

  async answers(): Promise<AnswerCount[]> {
    const fields = await this.redis.hgetall(this.keys.answers);
    return Object.entries(fields).map(([name, count]) => {
      const [endpoint = '', outcome = ''] = name.split(' ');
      return { endpoint, outcome, count: Number(count) };
    });
  }
}
