import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { JobData } from '../../shared/queues.js';
import type { ScheduleJob } from '../../shared/schedule/schedule-queue.js';
import { hideSecrets } from '../guard/hide-secrets.js';
import { briefLink, scheduleLink } from '../pages/links.js';
import type { StageQueue } from '../reading/batch-queues.js';
import type { TickQueue } from '../reading/schedule-queues.js';
import type { Actions } from './allowed-actions.js';

/** A batch's queue of one stage, as Bull Board shows it. */
export function stageAdapter(batch: string, queue: StageQueue, actions: Actions): BullMQAdapter {
  const adapter = new BullMQAdapter(queue, {
    ...adapterOptions(actions),
    externalJobUrl: ({ data }: { data: JobData }) => ({
      displayText: 'The whole story of this brief',
      href: briefLink(batch, data.brief),
    }),
  });
  // Result URLs with their queries are in the collect jobs alone (S8).
  adapter.setFormatter('data', ({ urls, ...data }: JobData) =>
    urls ? { ...data, urls: urls.map(hideSecrets) } : data,
  );
  return adapter;
}

/** The queue from which workers take what is due of an account's schedules. */
export function tickAdapter(account: string, queue: TickQueue, actions: Actions): BullMQAdapter {
  const adapter = new BullMQAdapter(queue, {
    ...adapterOptions(actions),
    externalJobUrl: ({ data }: { data: ScheduleJob }) => ({
      displayText: 'This schedule, and its runs',
      href: scheduleLink(account, data.schedule),
    }),
  });
  // A notice tells why a run was refused, with what stood in its input (S8).
  adapter.setFormatter('data', (data: ScheduleJob) =>
    data.kind === 'notice'
      ? { ...data, notice: { ...data.notice, text: hideSecrets(data.notice.text) } }
      : data,
  );
  return adapter;
}

function adapterOptions(actions: Actions) {
  return { readOnlyMode: actions === 'read_only', delimiter: '.' };
}
