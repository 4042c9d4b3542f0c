import { DueQueue } from './due-queue.js';
import type { SimulatedTask } from './task.js';
import type { Wallet } from './wallet.js';

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
