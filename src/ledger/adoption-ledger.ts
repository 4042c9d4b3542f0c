import type { Redis } from 'ioredis';
import type { LineStatus } from '../shared/manifest-line.js';
import { utcDay } from './account-view.js';
import { type AccountKeys, type BatchKeys, inFlightMember } from './keys.js';
import { runScript } from './scripts.js';

/** A manifest line that the ledger may not know of. */
export interface AdoptedLine {
  id: string;
  attempt: number;
  /** Encoded `lined` state. */
  state: string;
  status: LineStatus;
  charged: number;
  /** '' for one that succeeded and was made of what its row says. */
  content: string;
  /** '' for one without files. */
  canonicalName: string;
  /** Null in lines of earlier versions, and in those that were adopted. */
  run: number | null;
  priceKind: string;
  /** '' where its batch has no outputs. */
  output: string;
}

/** Lines that stand together in the manifest, and where. */
export interface AdoptedLines {
  generation: string;
  /** In bytes. */
  begin: number;
  end: number;
  lines: AdoptedLine[];
}

/** What else a batch's folder tells of its earlier life. */
export interface AdoptedLife {
  /** Credits that lines had cost which are in the history by now. */
  historyCharged: number;
  /** Lines of another batch. */
  takenOver: number;
  /** Number of the latest run; 0 for none. */
  lastRun: number;
  forcedRun: number | null;
  /** Of the manifest: how often it was replaced. */
  generation: number;
  /** Number of a run -> when it began, in ms. */
  runTimes: ReadonlyMap<number, number>;
}

/** What the journal says of a brief that was sent. */
export interface AdoptedSend {
  id: string;
  /** The ledger's state of the brief as it was read; '' for none. */
  expected: string;
  /** The state that it is given; '' where what was sent is settled, or not, and its credits alone are reserved. */
  state: string;
  /** '' where the ledger keeps what it has. */
  content: string;
  /** Null where nobody knows. */
  credits: number | null;
  priceKind: string;
  sentAt: number;
  /** Credits that the API has stated; null where it has not. */
  stated: number | null;
}

/** How far a ledger has looked into its batch's folder: what stands behind that is compared with it. */
export interface FolderMarks {
  createdAt: number;
  /** Of the manifest: which file, and how many bytes of it are known. */
  generation: string;
  offset: number;
  /** Bytes of the journal that are known. */
  noted: number;
  /** The batch was admitted as a whole once: what is not known by then is in no input. */
  ready: boolean;
  /** The manifest of an earlier life is being adopted. */
  adopting: boolean;
  /** Briefs are open again whose lines are to leave the manifest. */
  reopened: boolean;
  /** Of a batch that had left Redis: bytes of the manifest whose briefs are back; null where all are here. */
  shelved: number | null;
  /** A retry of an earlier version was cut off, which planned what this one derives from the ledger. */
  ofEarlierVersion: boolean;
}

/** Puts back what a lost Redis took along, or one that went back in time, from what stands in the batch's folder. */
export class AdoptionLedger {
  constructor(
    private readonly redis: Redis,
    private readonly batch: string,
    private readonly keys: BatchKeys,
    private readonly accountKeys: Pick<AccountKeys, 'day' | 'inFlight' | 'prices' | 'clock'>,
  ) {}

  async marks(): Promise<FolderMarks> {
    const fields = ['createdAt', 'generation', 'offset', 'noted', 'ready', 'adopting', 'shelved'];
    // In this order: one step empties it and raises the generation.
    const reopened = this.redis.exists(this.keys.reopened);
    const [createdAt, generation, offset, noted, ready, adopting, shelved, rewriting] =
      await this.redis.hmget(this.keys.meta, ...fields, 'rewriting');
    return {
      createdAt: Number(createdAt ?? 0),
      generation: generation ?? '0',
      offset: Number(offset ?? 0),
      noted: Number(noted ?? 0),
      ready: ready === '1',
      adopting: adopting === '1',
      reopened: (await reopened) === 1,
      shelved: typeof shelved === 'string' ? Number(shelved) : null,
      ofEarlierVersion: typeof rewriting === 'string',
    };
  }

  /** The journal is compared up to this place. */
  async markNoted(bytes: number): Promise<void> {
    await this.redis.hset(this.keys.meta, 'noted', bytes);
  }

  /** Takes over lines behind the mark; `overtaken`: somebody else has. */
  async adopt({ generation, begin, end, lines }: AdoptedLines): Promise<number | 'overtaken'> {
    const { meta, state, content, names, outbox, reservations } = this.keys;
    const { inFlight, prices, day } = this.accountKeys;
    const head = inFlightMember(this.batch, '');
    const reply = await runScript(this.redis, 'adopt', {
      keys: [meta, state, content, names, outbox, inFlight, reservations, prices, day],
      values: [generation, begin, end, head, ...lines.flatMap(lineValues)],
    });
    return reply === -1 ? 'overtaken' : Number(reply);
  }

  /** Returns for each send whether it was adopted: not where the ledger has another state by now. */
  async adoptSends(sends: AdoptedSend[]): Promise<boolean[]> {
    const { meta, state, content, reservations } = this.keys;
    const { inFlight, prices, day, clock } = this.accountKeys;
    const replies = (await runScript(this.redis, 'adopt-sends', {
      keys: [meta, state, content, reservations, inFlight, prices, day, clock],
      values: [inFlightMember(this.batch, ''), ...sends.flatMap(sendValues)],
    })) as number[];
    return replies.map((reply) => reply === 1);
  }

  /** Ends the coming back of a batch that had left Redis; `differs`: its folder does not have what was let go. */
  async unshelve(): Promise<'all_here' | 'differs'> {
    const { meta, state } = this.keys;
    const { clock } = this.accountKeys;
    const reply = await runScript(this.redis, 'unshelve', {
      keys: [meta, state, clock],
      values: [],
    });
    return reply === 1 ? 'all_here' : 'differs';
  }

  /** Ends the taking over of a manifest. */
  async endAdoption(life: AdoptedLife): Promise<void> {
    const { historyCharged, takenOver, lastRun, forcedRun, generation, runTimes } = life;
    const runs = [...runTimes].flat();
    await runScript(this.redis, 'end-adoption', {
      keys: [this.keys.meta],
      values: [historyCharged, takenOver, lastRun, forcedRun ?? '', generation, ...runs],
    });
  }
}

function lineValues(line: AdoptedLine): (string | number)[] {
  return [
    line.id,
    line.attempt,
    line.state,
    line.status,
    line.charged,
    line.content,
    line.canonicalName,
    line.run ?? '',
    line.priceKind,
    line.output,
  ];
}

function sendValues(send: AdoptedSend): (string | number)[] {
  return [
    send.id,
    send.expected,
    send.state,
    send.content,
    send.credits ?? '',
    utcDay(send.sentAt),
    send.priceKind,
    send.stated ?? '',
  ];
}
