import { z } from 'zod';

/** What a webhook is told of a run that did not end well: Slack shows `text`, programs read the rest. */
export const runNoticeSchema = z.object({
  text: z.string(),
  event: z.string(),
  schedule: z.string(),
  run: z.string(),
  batch: z.string().nullable(),
  out: z.string().nullable(),
  scheduled: z.string(),
  /** As `run` would have ended; null where the batch goes on. */
  exit_code: z.number().nullable(),
  counts: z.record(z.string(), z.number()).nullable(),
});

export type RunNotice = z.infer<typeof runNoticeSchema>;
