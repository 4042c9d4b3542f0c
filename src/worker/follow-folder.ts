import { setTimeout as sleep } from 'node:timers/promises';
import { adoptFolder, type LocalBatch, refuseOutdated } from '../batch/adopt-folder.js';
import { keepFolder } from '../batch/keep-folder.js';
import type { JournalHeader } from '../results/journal.js';
import type { Notify } from './notices.js';
import type { WorkerProcess } from './worker-process.js';

/** A batch that is worked on beside the machine that keeps its folder. */
export interface BesideKeeper extends Pick<LocalBatch, 'ledger' | 'queues'> {
  worker: WorkerProcess;
  header: JournalHeader;
  /** The mirror on this machine. */
  folder: string;
  notify: Notify;
}

const lookEveryMs = 5_000;

/**
 * Writes a batch's lines here from when no other machine does any more: it is gone, or has stopped. Resolves then, or when
 * nobody waits for it any more.
 */
export async function followFolder(beside: BesideKeeper, leaving: AbortSignal): Promise<void> {
  const { worker, header, ledger, queues, folder, notify } = beside;
  while (await isDue(leaving)) {
    try {
      if ((await keepFolder(ledger, folder, 'worker')).kind === 'elsewhere') continue;
      const batch = { ledger, queues, out: folder };
      refuseOutdated(await adoptFolder(batch), batch);
      await worker.detach(header.batch);
      await worker.attach(header, { folder, lines: 'here' }, notify);
      return;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      notify({ kind: 'output_trouble', reason });
    }
  }
}

function isDue(leaving: AbortSignal): Promise<boolean> {
  return sleep(lookEveryMs, true, { signal: leaving }).catch(() => false);
}
