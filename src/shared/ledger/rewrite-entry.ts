import { z } from 'zod';
import { lineStatusSchema } from '../manifest-line.js';

/** How one brief is opened again once its line has left the manifest. */
export const rewriteEntrySchema = z.object({
  /** The state that is expected, and the one that takes its place, as encoded text. */
  from: z.string(),
  to: z.string(),
  /** Of the line that goes; `pending` for a brief that has none, and is to be made with other content. */
  status: z.union([lineStatusSchema, z.literal('pending')]),
  /** Number of the run that made the line that goes. */
  run: z.number().int().positive().optional(),
  /** Where its job goes. */
  stage: z.enum(['submit', 'status']),
  attempt: z.number().int().positive(),
  /** Status checks that the line counted and that the brief will count again. */
  checks: z.number().int(),
  /** What is made from now on, in place of what the ledger has; taken in the step that opens the brief. */
  content: z.string().optional(),
  /** Of a task that is looked at again and was counted as spent: what was counted as spent for it, on which UTC day, of which price kind. */
  left: z.object({ credits: z.string(), day: z.string(), kind: z.string() }).optional(),
});

export type RewriteEntry = z.infer<typeof rewriteEntrySchema>;
