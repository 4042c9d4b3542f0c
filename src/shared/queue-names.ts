// Apart from the queues themselves: whoever needs a name alone does not load BullMQ.

/** The pipeline: one queue a stage, so that a due status check never waits behind a million submissions. */
export const queueStages = ['submit', 'status', 'collect'] as const;
export type QueueStage = (typeof queueStages)[number];

/** Bull Board groups queues by the dot. */
export function queueName(batch: string, stage: QueueStage): string {
  return `${batch}.${stage}`;
}

/** What BullMQ puts in front of its keys. */
export function bullPrefix(prefix: string): string {
  return `${prefix}:queue`;
}
