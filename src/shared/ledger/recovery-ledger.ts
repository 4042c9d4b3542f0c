import type { Redis } from 'ioredis';
import type { LineStatus } from '../manifest-line.js';
import type { AccountKeys, BatchKeys } from './keys.js';
import { runScript } from './scripts.js';
import { utcDay } from './utc-day.js';

/** A manifest line whose brief the ledger has lost. */
export interface AdoptedLine {
  id: string;
  /** Encoded `lined` state. */
  state: string;
  status: LineStatus;
  charged: number;
  /** '' for one that succeeded. */
  content: string;
  /** '' for one without files. */
  canonicalName: string;
  /** Null in lines of earlier versions, and in those that were taken over. */
  run: number | null;
}

/** What else a batch's folder tells of its earlier life. */
export interface EarlierLife {
  /** Where the manifest's complete lines end, in bytes. */
  offset: number;
  /** Credits that lines had cost which are in the history by now. */
  historyCharged: number;
  /** Lines of another batch. */
  takenOver: number;
  /** Number of the latest run; 0 for none. */
  lastRun: number;
  forcedRun: number | null;
  /** Number of a run -> when it began, in ms. */
  runTimes: ReadonlyMap<number, number>;
}

/** What was reserved for a brief that was sent, and may have been charged. */
export interface SentReservation {
  id: string;
  credits: number;
  priceKind: string;
  sentAt: number;
}

/** Puts back what a lost Redis took along, from what stands in the batch's folder. */
export class RecoveryLedger {
  constructor(
    private readonly redis: Redis,
    private readonly keys: BatchKeys,
    private readonly accountKeys: Pick<AccountKeys, 'day'>,
  ) {}

  /** Takes over finished lines of a manifest; those that are known already are left as they are. */
  async adopt(lines: AdoptedLine[]): Promise<number> {
    const { meta, state, content, names } = this.keys;
    const reply = await runScript(this.redis, 'adopt', {
      keys: [meta, state, content, names],
      values: lines.flatMap((line) => [
        line.id,
        line.state,
        line.status,
        line.charged,
        line.content,
        line.canonicalName,
        line.run ?? '',
      ]),
    });
    return Number(reply);
  }

  /** Counts against the caps what an earlier life had sent and has no settled line for (S6). */
  async reserveSent(sends: SentReservation[]): Promise<void> {
    const { meta, state, reservations } = this.keys;
    await runScript(this.redis, 'reserve-sent', {
      keys: [meta, state, reservations, this.accountKeys.day],
      values: sends.flatMap((send) => [send.id, send.credits, utcDay(send.sentAt), send.priceKind]),
    });
  }

  /** Ends the taking over of a manifest. */
  async endAdoption(life: EarlierLife): Promise<void> {
    const { offset, historyCharged, takenOver, lastRun, forcedRun, runTimes } = life;
    await runScript(this.redis, 'end-adoption', {
      keys: [this.keys.meta],
      values: [
        offset,
        historyCharged,
        takenOver,
        lastRun,
        forcedRun ?? '',
        ...[...runTimes].flat(),
      ],
    });
  }
}
