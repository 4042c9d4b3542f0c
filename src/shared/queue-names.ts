// Apart from the queues themselves: whoever needs a name alone does not load BullMQ.

/** The pipeline: one queue a stage, so that a due status check never waits behind a million submissions. */
export const queueStages = ['submit', 'status', 'collect'] as const;
export type QueueStage = (typeof queueStages)[number];

/** Beside them, steps wait for what they come after in a queue from which nobody takes: whoever ends that moves them on. */
export const queueNames = [...queueStages, 'waiting'] as const;
export type QueueName = (typeof queueNames)[number];

/** Bull Board groups queues by the dot. */
export function queueName(batch: string, name: QueueName): string {
  return `${batch}.${name}`;
}

/** What BullMQ puts in front of its keys. */
export function bullPrefix(prefix: string): string {
  return `${prefix}:queue`;
}
