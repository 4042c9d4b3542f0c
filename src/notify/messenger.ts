import type { Logger } from 'pino';
import type {
  Message,
  MessageFate,
  MessageLedger,
  TakenMessage,
} from '../ledger/message-ledger.js';
import type { Clock } from '../shared/clock.js';
import type { News } from '../shared/news.js';
import type { PostMessage, PostOutcome } from './post-message.js';

export interface MessengerOptions {
  messages: MessageLedger;
  account: string;
  post: PostMessage;
  /** The ledger's time: the same for whoever tries next. */
  clock: Clock;
  log: Logger;
}

/** Longer than a try takes: whoever is killed in one leaves its message to the next. */
const tryMs = 20_000;
const atOnce = 4;
/** What another process left, and did not live to tell of. */
const lookAroundMs = 30_000;

const firstSpacingMs = 5_000;
const longestSpacingMs = 3_600_000;
const giveUpAfterMs = 24 * 3_600_000;

/**
 * What becomes of a message after a try: 5 s, 25 s, 2 min, 10 min, 52 min and then every hour until a day after it was
 * made, when it is tried for the last time. A receiver that asks for longer is waited for, an hour at most.
 */
export function fateAfter(
  { fate: { tries }, madeMs }: Pick<Message, 'fate' | 'madeMs'>,
  outcome: PostOutcome,
  nowMs: number,
): MessageFate {
  const tried = { tries: tries + 1 };
  if (outcome.kind === 'told') return { kind: 'told', ...tried, atMs: nowMs };
  const { why } = outcome;
  const lastMs = madeMs + giveUpAfterMs;
  if (outcome.kind === 'gone' || nowMs >= lastMs) {
    return { kind: 'given_up', ...tried, atMs: nowMs, why };
  }
  const wantedMs = Math.max(firstSpacingMs * 5 ** tries, outcome.retryAfterMs ?? 0);
  const nextMs = nowMs + Math.min(longestSpacingMs, wantedMs);
  return { kind: 'due', ...tried, why, nextMs: Math.min(nextMs, lastMs) };
}

/** Tells what an account has to tell, whoever made it: what is due now, and later tries as they come due. */
export class Messenger {
  private readonly underWay = new Set<Promise<void>>();
  private readonly leaving = new AbortController();
  private telling: Promise<void> = Promise.resolve();
  private wanted = false;
  private isTelling = false;
  private timer: NodeJS.Timeout | undefined;
  private unlisten: () => void = () => undefined;

  constructor(private readonly options: MessengerOptions) {}

  /** @param news tells of messages that others have made */
  start(news: { listen(listener: (news: News) => void): () => void }): void {
    const { account } = this.options;
    this.unlisten = news.listen((told) => {
      if (told.about === 'all' || (told.about === 'messages' && told.name === account)) this.look();
    });
    this.look();
  }

  /** Resolves when nothing is due and no try is under way, and after `withinMs` at the latest. */
  async settle(withinMs: number): Promise<void> {
    this.look();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, withinMs);
    });
    await Promise.race([this.settled(), late]);
    clearTimeout(timer);
  }

  /** What is under way is cut off and left to the next, under the same id. */
  async close(): Promise<void> {
    this.unlisten();
    clearTimeout(this.timer);
    this.leaving.abort();
    await this.settled();
  }

  private async settled(): Promise<void> {
    while (this.isTelling || this.underWay.size > 0) {
      await this.telling;
      await Promise.all(this.underWay);
    }
  }

  private look(): void {
    if (this.leaving.signal.aborted) return;
    this.wanted = true;
    if (this.isTelling) return;
    this.isTelling = true;
    clearTimeout(this.timer);
    this.telling = this.tellDue()
      .catch((error: unknown) => {
        this.options.log.debug({ err: error }, 'could not look for messages');
        return null;
      })
      .then((nextMs) => {
        this.isTelling = false;
        this.lookAgain(nextMs);
      });
  }

  private lookAgain(nextMs: number | null): void {
    if (this.leaving.signal.aborted) return;
    const inMs = nextMs === null ? lookAroundMs : nextMs - this.options.clock.now();
    // Not at once: a clock that runs apart by a moment would have it looked at without an end.
    const waitMs = Math.min(lookAroundMs, Math.max(100, inMs));
    this.timer = setTimeout(() => this.look(), waitMs).unref();
  }

  /** Returns when the next one will be due. */
  private async tellDue(): Promise<number | null> {
    const { messages, clock } = this.options;
    let nextMs: number | null = null;
    while (this.wanted && !this.leaving.signal.aborted) {
      this.wanted = false;
      for (;;) {
        while (this.underWay.size >= atOnce) await Promise.race(this.underWay);
        if (this.leaving.signal.aborted) return null;
        const taken = await messages.take(clock.now(), tryMs);
        if (taken.kind === 'none_due') {
          nextMs = taken.nextMs;
          break;
        }
        const telling: Promise<void> = this.tell(taken).finally(() => {
          this.underWay.delete(telling);
          // When it is due again is known only now.
          this.look();
        });
        this.underWay.add(telling);
      }
    }
    return nextMs;
  }

  private async tell({
    message,
    webhook,
  }: Extract<TakenMessage, { kind: 'taken' }>): Promise<void> {
    const { messages, post, clock, log } = this.options;
    const { id, kind, batch } = message;
    try {
      const outcome = await post(message, webhook, this.leaving.signal);
      const nowMs = clock.now();
      const fate = fateAfter(message, outcome, nowMs);
      await messages.noteTry(message, fate, nowMs);
      const told = { id, kind, batch, tries: fate.tries };
      if (fate.kind === 'told') log.debug(told, 'told a webhook');
      else log.warn({ ...told, why: fate.why, fate: fate.kind }, 'could not tell a webhook');
    } catch (error) {
      // It comes due again by itself.
      log.debug({ err: error, id }, 'could not note what came of a message');
    }
  }
}
