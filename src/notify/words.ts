import type { Message, Webhook } from '../ledger/message-ledger.js';
import { formatDuration } from '../shared/quantities.js';

/** What may be seen of a webhook: the rest of its URL is a secret (S8). */
export interface ShownWebhook {
  /** Origin of its URL. */
  origin: string;
  on: readonly string[];
}

export function shownWebhook({ url, on }: Webhook): ShownWebhook {
  return { origin: new URL(url).origin, on };
}

/** `https://hooks.slack.com (finished, failed, waiting)` */
export function webhookText({ origin, on }: ShownWebhook): string {
  return `${origin} (${on.join(', ')})`;
}

/** Why a message is not told; null where it is, or was not tried yet. */
export function untoldText({ kind, fate }: Message, nowMs: number): string | null {
  switch (fate.kind) {
    case 'told':
      return null;
    case 'due': {
      if (fate.why === null) return null;
      const waitMs = fate.nextMs - nowMs;
      // What is overdue waits for somebody to try it.
      const next = waitMs > 0 ? `in ${formatDuration(waitMs)}` : 'by the next run or worker';
      return `could not be notified of batch.${kind} yet, and is tried again ${next}: ${fate.why}`;
    }
    case 'given_up':
      return `could not be notified of batch.${kind}: ${fate.why}`;
    default:
      return fate satisfies never;
  }
}

/** As `--json` prints it. */
export function messageJson({ id, kind, madeMs, fate }: Message) {
  return {
    ...{ id, type: `batch.${kind}`, at: new Date(madeMs).toISOString() },
    taken: fate.kind === 'told',
    tries: fate.tries,
    reason: fate.kind === 'told' ? null : fate.why,
    next: fate.kind === 'due' ? new Date(fate.nextMs).toISOString() : null,
  };
}

/** The message that was made last; null where there is none. */
export function lastMessage(messages: readonly Message[]): Message | null {
  return messages.reduce<Message | null>(
    (last, message) => (last === null || message.madeMs > last.madeMs ? message : last),
    null,
  );
}
