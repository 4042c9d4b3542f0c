import type { Redis } from 'ioredis';
import { type BriefState, encodeState, type ReadState, type StateOf } from './brief-state.js';
import { type AccountKeys, type BatchKeys, inFlightMember } from './keys.js';
import type { Unsent } from './moves.js';
import { runScript } from './scripts.js';

/** How one brief is opened again. */
export interface Opening {
  /** `lined`: its line leaves the manifest. Else it has none yet, and is to be made with other content. */
  from: ReadState<StateOf<'lined'> | Unsent>;
  /** A new attempt, or the task of the last one, which is looked at again. */
  to: Unsent | StateOf<'accepted'>;
  /** What it is made from now on; null where the ledger's stays. */
  content: string | null;
  /** Of a task that is looked at again: what was counted as spent for it, on which UTC day, of which price kind. */
  left: { credits: number; day: string; kind: string } | null;
  /** Of which output of a recipe it is; absent where its batch has none. */
  output?: string | undefined;
}

/** `passed`: it has another state by now. `unwritten`: its line is on its way to the manifest. */
export type Opened = 'opened' | 'passed' | 'unwritten';

/** Which file the manifest is, how many bytes of it count, and how many of the history. */
export interface ManifestPlace {
  generation: string;
  offset: number;
  historyBytes: number;
}

export type Hold =
  | ({ kind: 'held' } & ManifestPlace)
  /** After so many ms without news of whoever has it, it may be taken over. */
  | { kind: 'busy'; waitMs: number }
  /** There is nothing to settle; or there is, and nothing is opened before that. */
  | { kind: 'not_now' };

/** What begins with the first brief that is opened. */
export interface OpeningsOf {
  /** Bytes of the history before it. */
  historyBytes: number;
  /** Number of the run; null where it belongs to one that is under way, or makes nothing. */
  run: number | null;
  cancellation: 'lift' | 'keep';
}

/** Renewed while briefs are opened and files are written; a holder that was killed holds others up no longer than this. */
const holdMs = 3_000;
const briefsAtOnce = 500;

/**
 * Briefs that are open again and whose earlier lines are still in the manifest: each stands here from the step that opens
 * it until the file is without its line and its job is in a queue. The way there is told in `rewrite-manifest.ts`.
 */
export class ReopenedLedger {
  constructor(
    private readonly redis: Redis,
    private readonly batch: string,
    private readonly keys: BatchKeys,
    private readonly account: Pick<AccountKeys, 'inFlight' | 'day' | 'clock'>,
  ) {}

  /** Takes the manifest, once a token; `keep` says again that its holder is still at it. */
  async hold(token: string, how: 'open' | 'settle' | 'keep'): Promise<Hold> {
    const reply = (await runScript(this.redis, 'hold-manifest', {
      keys: [this.keys.meta, this.keys.reopened, this.account.clock],
      values: [token, holdMs, how],
    })) as [Hold['kind'], ...(string | number)[]];
    const [kind, first, offset, historyBytes] = reply;
    switch (kind) {
      case 'busy':
        return { kind, waitMs: Number(first) };
      case 'held': {
        const place = { offset: Number(offset), historyBytes: Number(historyBytes) };
        return { kind, generation: String(first), ...place };
      }
      case 'not_now':
        return { kind };
      default:
        return kind satisfies never;
    }
  }

  /** Opens briefs, up to about 1,000 a call, each by compare-and-set; answers in the order given. */
  async open(
    token: string,
    { historyBytes, run, cancellation }: OpeningsOf,
    openings: ReadonlyMap<string, Opening>,
  ): Promise<Opened[] | 'overtaken'> {
    const { meta, state, content, outbox, reopened, reservations } = this.keys;
    const { inFlight, day, clock } = this.account;
    const member = inFlightMember(this.batch, '');
    return (await runScript(this.redis, 'reopen', {
      keys: [meta, state, content, outbox, reopened, reservations, inFlight, day, clock],
      values: [
        ...[token, historyBytes, run ?? '', cancellation, member],
        ...[...openings].flatMap(([id, opening]) => [id, ...openingValues(opening)]),
      ],
    })) as Opened[] | 'overtaken';
  }

  /** Whether there is a brief whose earlier line has not left the manifest yet. */
  async any(): Promise<boolean> {
    return (await this.redis.exists(this.keys.reopened)) === 1;
  }

  /** All of them, in chunks, with the attempt of the line that is to go, 0 for none; one may come twice. */
  async *all(): AsyncGenerator<Map<string, number>> {
    const { reopened } = this.keys;
    let cursor = '0';
    do {
      const [next, fields] = await this.redis.hscan(reopened, cursor, 'COUNT', briefsAtOnce);
      cursor = next;
      const chunk = new Map<string, number>();
      for (let at = 0; at < fields.length; at += 2) {
        chunk.set(fields[at] ?? '', Number(fields[at + 1]));
      }
      if (chunk.size > 0) yield chunk;
    } while (cursor !== '0');
  }

  /** Of which attempts these briefs' lines are to leave the manifest; null where they stay. */
  async lineAttempts(briefIds: readonly string[]): Promise<(number | null)[]> {
    const attempts = await this.redis.hmget(this.keys.reopened, ...briefIds);
    return attempts.map((attempt) => (attempt === null ? null : Number(attempt)));
  }

  /** Their lines have left the manifest, which is `bytes` long now, and their jobs are there. Gives back the hold. */
  async settle(token: string, bytes: number): Promise<'settled' | 'overtaken'> {
    const reply = await runScript(this.redis, 'settle-reopened', {
      keys: [this.keys.meta, this.keys.reopened],
      values: [token, bytes],
    });
    return reply === 1 ? 'settled' : 'overtaken';
  }
}

function openingValues({ from, to, content, left, output }: Opening): (string | number)[] {
  return [
    from.text,
    encodeState(to satisfies BriefState),
    content ?? '',
    ...(from.state.stage === 'lined' ? [from.state.status, from.state.run ?? ''] : ['', '']),
    to.stage === 'accepted' ? to.checks : 0,
    ...(left === null ? ['', '', ''] : [left.credits, left.day, left.kind]),
    output ?? '',
  ];
}
