import { appendFileSync, closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { JsonObject } from '../shared/json.js';
import type { Wallet } from './account.js';
import type { Answer } from './answer.js';

/** All tasks of the account; settles each at its end, whoever asks next. */
export class TaskBook {
  readonly #tasks = new Map<string, SimulatedTask>();
  readonly #ends = new DueQueue<SimulatedTask>();
  #running = 0;
  #maxRunning = 0;

  constructor(private readonly wallet: Wallet) {}

  /** Enters a task and spends its credits. */
  add(task: SimulatedTask): void {
    this.#tasks.set(task.id, task);
    task.chargedCredits = task.reservedCredits;
    this.wallet.add(-task.reservedCredits);
    if (task.endsAt !== Number.POSITIVE_INFINITY) this.#ends.add(task.endsAt, task);
    this.#running += 1;
    this.#maxRunning = Math.max(this.#maxRunning, this.#running);
  }

  /** A task that was refused by the wallet: on record, never run, never charged. */
  addStillborn(task: SimulatedTask): void {
    this.#tasks.set(task.id, task);
  }

  find(id: string): SimulatedTask | undefined {
    return this.#tasks.get(id);
  }

  all(): Iterable<SimulatedTask> {
    return this.#tasks.values();
  }

  get running(): number {
    return this.#running;
  }

  get maxRunning(): number {
    return this.#maxRunning;
  }

  /** Settles what has ended by now: to be called before credits or running tasks are looked at. */
  settleDue(now: number): void {
    for (let task = this.#ends.takeDue(now); task; task = this.#ends.takeDue(now)) {
      this.#running -= 1;
      this.#settle(task);
    }
  }

  #settle(task: SimulatedTask): void {
    task.finalCredits = finalCreditsOf(task);
    const difference = task.finalCredits - task.reservedCredits;
    if (difference > 0) task.chargedCredits += difference;
    else task.refundedCredits -= difference;
    this.wallet.add(-difference);
  }
}

function finalCreditsOf({ fate, reservedCredits }: SimulatedTask): number {
  const { outcome } = fate;
  switch (outcome.kind) {
    case 'succeeds':
      return Math.round(reservedCredits * fate.finalFactor);
    case 'fails':
      return outcome.charge === 'kept' ? reservedCredits : 0;
    case 'never-ends':
      return 0;
    default:
      return outcome satisfies never;
  }
}

export type ResultFile = { name: string; kind: 'picture' | 'sound' | 'film' };

type Outcome =
  | { kind: 'succeeds'; result: 'files' | 'null' | 'empty-urls' }
  | {
      kind: 'fails';
      code: string;
      message: string;
      error: 'present' | 'absent';
      charge: 'refunded' | 'kept';
    }
  | { kind: 'never-ends' };

/** How a task will go; fixed when it is made. */
export interface Fate {
  outcome: Outcome;
  /** final_credits of a success = reserved_credits x this. */
  finalFactor: number;
  /** Not found by reads for so long after it was made. */
  hiddenForMs: number;
  strangeStatus: { word: string; forMs: number } | null;
  extraFields: JsonObject;
  firstLinks: 'good' | 'expired';
  /** Reads show no links for so long after the task's end. */
  linksLateForMs: number;
  /** Links answer with this status for so long after the task's end; null where they are good at once. */
  filesLate: { forMs: number; status: number } | null;
  /** Null: as many files as the params ask for. */
  fileCount: number | null;
}

/** A generation on the simulator's side, or a turn of a chat; its status is computed from these times when somebody asks. */
export interface SimulatedTask {
  readonly id: string;
  readonly apiKey: string;
  readonly idempotencyKey: string | null;
  readonly model: string;
  readonly prompt: string;
  readonly params: JsonObject;
  readonly clientRequestId: string | null;
  readonly fate: Fate;
  readonly files: ResultFile[];
  readonly reservedCredits: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly processingAt: number;
  /** Infinity for a task that never ends. */
  readonly endsAt: number;
  /** 0 until the task is settled at its end. */
  finalCredits: number;
  chargedCredits: number;
  refundedCredits: number;
  /** How many sets of links were given out. */
  linkSets: number;
  /** What was answered to a turn of a chat, which no read of a task finds. */
  readonly reply?: string;
}

export type TaskPhase = 'queued' | 'processing' | 'ended';

export function phaseOf(task: SimulatedTask, now: number): TaskPhase {
  if (now >= task.endsAt) return 'ended';
  return now >= task.processingAt ? 'processing' : 'queued';
}

/** A submission that was accepted: its task, and what its key answers from now on. */
export interface KeptTask {
  task: SimulatedTask;
  key: string;
  /** The request's body, byte for byte. */
  text: string;
  answer: Answer;
}

/**
 * What a simulator has accepted, on disk: one that is started after it, or that runs beside it, knows the same tasks. A
 * real API does not forget what was paid because a client was killed. Uploads are not kept: they are short-lived in life, too.
 */
export class KeptTasks {
  #readBytes = 0;

  constructor(private readonly path: string) {}

  /** In one write, and before the answer goes out. */
  add(kept: KeptTask): void {
    // Line breaks on both sides: a line that a full disk cut off takes none along.
    appendFileSync(this.path, `\n${JSON.stringify(kept)}\n`);
  }

  /** What was added since the last look, by whomever. */
  news(): KeptTask[] {
    const text = this.#readOn();
    if (text === '') return [];
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    this.#readBytes += Buffer.byteLength(whole);
    return whole.split('\n').flatMap((line) => {
      const kept = parseKept(line);
      return kept === null ? [] : [kept];
    });
  }

  #readOn(): string {
    const file = openSync(this.path, 'a+');
    try {
      const bytes = fstatSync(file).size - this.#readBytes;
      if (bytes <= 0) return '';
      const buffer = Buffer.alloc(bytes);
      const read = readSync(file, buffer, 0, bytes, this.#readBytes);
      return buffer.toString('utf8', 0, read);
    } finally {
      closeSync(file);
    }
  }
}

/** Null for a line that was cut off. */
function parseKept(line: string): KeptTask | null {
  if (line === '') return null;
  try {
    const kept = JSON.parse(line) as KeptTask;
    // JSON has no infinity: such a task never ends.
    return {
      ...kept,
      task: { ...kept.task, endsAt: kept.task.endsAt ?? Number.POSITIVE_INFINITY },
    };
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

interface Entry<Item> {
  dueAt: number;
  item: Item;
}

/** A binary heap of items by due time: what has come due is found without looking at the rest. */
export class DueQueue<Item> {
  readonly #heap: Entry<Item>[] = [];

  add(dueAt: number, item: Item): void {
    const heap = this.#heap;
    let index = heap.push({ dueAt, item }) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (this.#dueAt(parent) <= dueAt) return;
      this.#swap(index, parent);
      index = parent;
    }
  }

  /** The earliest item that is due, taken out; undefined when none is. */
  takeDue(now: number): Item | undefined {
    const first = this.#heap[0];
    if (!first || first.dueAt > now) return undefined;
    const last = this.#heap.pop();
    if (last && last !== first) {
      this.#heap[0] = last;
      this.#sink();
    }
    return first.item;
  }

  #sink(): void {
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      const child = this.#dueAt(left + 1) < this.#dueAt(left) ? left + 1 : left;
      if (this.#dueAt(child) >= this.#dueAt(index)) return;
      this.#swap(index, child);
      index = child;
    }
  }

  #dueAt(index: number): number {
    return this.#heap[index]?.dueAt ?? Number.POSITIVE_INFINITY;
  }

  #swap(one: number, other: number): void {
    const heap = this.#heap;
    [heap[one], heap[other]] = [heap[other] as Entry<Item>, heap[one] as Entry<Item>];
  }
}
