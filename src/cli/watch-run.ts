import { setTimeout as sleep } from 'node:timers/promises';
import type { BatchError } from '../shared/errors.js';
import type { AccountView } from '../shared/ledger/account-view.js';
import type { BatchMeta } from '../shared/ledger/batch-meta.js';
import type { StageQueues } from '../shared/queues.js';
import type { Notify } from '../worker/notice.js';
import type { Interrupts } from './interrupts.js';
import type { RunBatch } from './open-run-batch.js';
import { PlacesWatch } from './places-watch.js';
import { RunProgress } from './run-progress.js';
import type { Terminal } from './terminal.js';

export type RunEnd = 'finished' | 'interrupted' | 'key_refused' | 'no_credits' | 'capped';

export interface Watching {
  opened: RunBatch;
  flags: { rate?: number; inFlight?: number; wait: boolean };
  /** How long past tasks of this input's models took, in ms; null without any. */
  taskMs: number | null;
  terminal: Terminal;
  notify: Notify;
  interrupts: Interrupts;
  /** Why nothing is done for the batch any more. */
  loss(): BatchError | null;
  /** Rejects when the admission fails. */
  admitting: Promise<unknown>;
  queues: StageQueues;
}

const lookEveryMs = 250;

/**
 * Shows progress until the batch is finished, or has to stop.
 * @throws BatchError `state_lost`
 */
export async function watchRun(watching: Watching): Promise<RunEnd> {
  const admission = trackAdmission(watching.admitting);
  const { opened, terminal, interrupts, flags, queues, taskMs } = watching;
  const told = { rate: flags.rate ?? null, inFlight: flags.inFlight ?? null };
  const progress = new RunProgress(terminal, queues, { told, taskMs }, opened.session.clock);
  const places = new PlacesWatch(opened, terminal);
  for (;;) {
    const loss = watching.loss();
    if (loss !== null) throw loss;
    admission.check();
    const [meta, account] = await Promise.all([opened.ledger.meta(), opened.account.view()]);
    if (meta) {
      await progress.show(meta, account);
      if (meta.finalized && admission.done()) return 'finished';
      // Its queue stands still, so no submission finds out.
      if (meta.paused) watching.notify({ kind: 'paused' });
    }
    await places.look(meta, account);
    if (interrupts.signal.aborted) {
      await watching.admitting;
      return 'interrupted';
    }
    if (account.gate.kind === 'halted') return 'key_refused';
    const stop = stopReason(meta, account, flags.wait ? 'wait' : 'stop');
    if (stop !== null && (await nothingUnderWay(watching))) {
      await watching.admitting;
      return stop;
    }
    await sleep(lookEveryMs);
  }
}

/** Why nothing more is submitted, where waiting would not help or is not wanted. */
function stopReason(
  meta: BatchMeta | null,
  account: AccountView,
  withoutCredits: 'wait' | 'stop',
): 'capped' | 'no_credits' | null {
  // Every brief of a cancelled batch comes to its end without more credits.
  if (meta?.cancelled) return null;
  if (meta?.capped) return 'capped';
  return account.gate.kind === 'parked' && withoutCredits === 'stop' ? 'no_credits' : null;
}

/** What is accepted is finished first: paid work is collected (S3). */
async function nothingUnderWay({ opened, queues }: Watching): Promise<boolean> {
  const inFlight = await opened.ledger.inFlight();
  const collecting = await queues.unfinished('collect');
  const unwritten = await opened.ledger.outbox.length();
  if (inFlight + collecting + unwritten > 0) return false;
  // Between leaving its place in flight and entering the last queue, a brief is in neither: look once more.
  await sleep(lookEveryMs);
  return (await opened.ledger.inFlight()) + (await queues.unfinished('collect')) === 0;
}

function trackAdmission(admitting: Promise<unknown>) {
  let state: 'running' | 'done' | 'failed' = 'running';
  let failure: unknown;
  admitting.then(
    () => {
      state = 'done';
    },
    (error: unknown) => {
      state = 'failed';
      failure = error;
    },
  );
  return {
    done: () => state === 'done',
    check: () => {
      if (state === 'failed') throw failure;
    },
  };
}
