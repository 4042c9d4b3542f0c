import type { Logger } from 'pino';
import type { TaskBrief } from '../../ledger/account-ledger.js';
import { minSpacingMs } from '../polling/guidance.js';
import type { EventRead } from './read-hint.js';

/** What became of a task that is to be looked at soon: it is not watched any more, or its check is under way. */
export type Hastened = 'hastened' | 'in_hand' | 'over';

export interface HintDeskOptions {
  /** The briefs of tasks that are watched; null for one that is not, or not known yet. */
  briefsOf(taskIds: readonly string[]): Promise<(TaskBrief | null)[]>;
  hasten(brief: TaskBrief, taskId: string): Promise<Hastened>;
  log: Logger;
  /** A clock that only goes forward, in ms. */
  elapsedMs(): number;
}

/** Events by name, and tasks that were hastened: as many as are repeated within minutes, and a bounded memory. */
const mostRemembered = 10_000;
/** Hints that wait for their task: with more, the oldest go. Each task is looked at in any case. */
const mostWaiting = 2_000;
/** Hints of one moment are asked about together. */
const gatherMs = 20;
const mostAtOnce = 500;
/** A task may be over before the answer that names it is here and saved: its hint waits for that, less and less eagerly. */
const waitsForMs = 60_000;
const firstAgainMs = 250;

interface Waiting {
  sinceMs: number;
  dueMs: number;
  againMs: number;
}

/** What came of the events of this process, told in the log. */
type Counted = EventRead['kind'] | 'repeated' | 'too_many' | 'hastened' | 'no_task_of_ours';

const tellEveryMs = 60_000;

/**
 * Takes hints, and lets their tasks be looked at. Whatever comes, its memory is bounded, hints of one moment cost one
 * question, and a task is looked at no sooner than so long after another hint: forgeries multiply nothing (S7).
 */
export class HintDesk {
  private readonly events = new Remembered<true>();
  /** When a check of the task was last hastened. */
  private readonly hastened = new Remembered<number>();
  private readonly waiting = new Map<string, Waiting>();
  private readonly counts = new Map<Counted, number>();
  private toldMs: number;
  private timer: NodeJS.Timeout | undefined;
  private wakesAtMs = Number.POSITIVE_INFINITY;
  private looking: Promise<void> | null = null;
  private closed = false;

  constructor(private readonly options: HintDeskOptions) {
    this.toldMs = options.elapsedMs();
  }

  /** For tests and figures: entries in memory. */
  get held(): number {
    return this.waiting.size + this.events.size + this.hastened.size;
  }

  take(event: EventRead): void {
    this.count(this.accept(event));
  }

  private accept(event: EventRead): Counted {
    if (event.kind !== 'hint') return event.kind;
    const { event: name, taskId } = event;
    if (name !== null) {
      if (this.events.get(name)) return 'repeated';
      this.events.put(name, true);
    }
    if (!this.waiting.has(taskId)) {
      if (this.waiting.size >= mostWaiting) this.dropOldest();
      const nowMs = this.options.elapsedMs();
      // Another hint for it, true or not, was followed a moment ago: by the rule of all looks, one in so many seconds.
      const lastMs = this.hastened.get(taskId) ?? Number.NEGATIVE_INFINITY;
      const dueMs = Math.max(nowMs + gatherMs, lastMs + minSpacingMs);
      this.waiting.set(taskId, { sinceMs: nowMs, dueMs, againMs: firstAgainMs });
      this.wakeAt(dueMs);
    }
    return 'hint';
  }

  /** One whose task is known is followed within a moment: it has waited longest for one that nobody knows. */
  private dropOldest(): void {
    const [oldest] = this.waiting.keys();
    if (oldest !== undefined) this.waiting.delete(oldest);
    this.count('too_many');
  }

  /** Follows the hints that are due. */
  async look(): Promise<void> {
    this.looking ??= this.follow().finally(() => {
      this.looking = null;
      this.wakeAgain();
    });
    await this.looking;
  }

  /** Waits for nothing: a hint that is not followed is no loss. */
  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.tell();
  }

  private async follow(): Promise<void> {
    const { briefsOf, log, elapsedMs } = this.options;
    const nowMs = elapsedMs();
    if (nowMs - this.toldMs >= tellEveryMs) this.tell();
    const due = [...this.waiting].filter(([, { dueMs }]) => dueMs <= nowMs).slice(0, mostAtOnce);
    if (due.length === 0) return;
    const ids = due.map(([taskId]) => taskId);
    try {
      const briefs = await briefsOf(ids);
      await Promise.all(
        due.map(([taskId, waiting], index) =>
          this.followOne(taskId, waiting, briefs[index] ?? null),
        ),
      );
    } catch (error) {
      log.debug({ err: error }, 'hints were not followed');
      for (const [taskId, waiting] of due) this.putOff(taskId, waiting);
    }
  }

  private async followOne(
    taskId: string,
    waiting: Waiting,
    brief: TaskBrief | null,
  ): Promise<void> {
    const outcome = brief === null ? 'unknown' : await this.options.hasten(brief, taskId);
    switch (outcome) {
      case 'hastened':
        this.hastened.put(taskId, this.options.elapsedMs());
        this.count('hastened');
        this.waiting.delete(taskId);
        break;
      case 'over':
        this.waiting.delete(taskId);
        break;
      case 'unknown':
      case 'in_hand':
        // The check that is under way may have been sent before the end.
        if (this.putOff(taskId, waiting) === 'given_up' && outcome === 'unknown') {
          this.count('no_task_of_ours');
        }
        break;
      default:
        outcome satisfies never;
    }
  }

  /** Asked about again, each time after twice as long. */
  private putOff(taskId: string, waiting: Waiting): 'waits' | 'given_up' {
    const nowMs = this.options.elapsedMs();
    if (nowMs - waiting.sinceMs >= waitsForMs) {
      this.waiting.delete(taskId);
      return 'given_up';
    }
    waiting.dueMs = nowMs + waiting.againMs;
    waiting.againMs *= 2;
    return 'waits';
  }

  private wakeAgain(): void {
    let soonestMs = Number.POSITIVE_INFINITY;
    for (const { dueMs } of this.waiting.values()) soonestMs = Math.min(soonestMs, dueMs);
    this.wakeAt(soonestMs);
  }

  private wakeAt(dueMs: number): void {
    // Whoever follows looks at the end when the next are due.
    if (this.closed || this.looking !== null || dueMs >= this.wakesAtMs) return;
    this.wakesAtMs = dueMs;
    clearTimeout(this.timer);
    this.timer = setTimeout(
      () => {
        this.wakesAtMs = Number.POSITIVE_INFINITY;
        void this.look();
      },
      Math.max(0, dueMs - this.options.elapsedMs()),
    );
  }

  private count(what: Counted): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  private tell(): void {
    this.toldMs = this.options.elapsedMs();
    if (this.counts.size === 0) return;
    this.options.log.info(Object.fromEntries(this.counts), 'hints from the API');
    this.counts.clear();
  }
}

/** The latest of whatever there may be any number of. */
class Remembered<Value> {
  private readonly entries = new Map<string, Value>();

  get size(): number {
    return this.entries.size;
  }

  get(name: string): Value | undefined {
    return this.entries.get(name);
  }

  put(name: string, value: Value): void {
    this.entries.delete(name);
    this.entries.set(name, value);
    const [oldest] = this.entries.keys();
    if (this.entries.size > mostRemembered && oldest !== undefined) this.entries.delete(oldest);
  }
}
