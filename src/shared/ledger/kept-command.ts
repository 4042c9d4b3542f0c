import { z } from 'zod';

/** The command that a batch was last begun with, as it can be given again from any folder; no secret is in it (S8). */
const keptCommandSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('kept'),
    name: z.enum(['run', 'enqueue']),
    /** Absolute paths; none where a recipe names them. */
    files: z.array(z.string()),
    /** Flags with their values as they were typed, or as the environment had them; null for a switch. */
    options: z.array(z.tuple([z.string(), z.string().nullable()])),
  }),
  /** What was read once cannot be read again; what holds a secret is not kept. */
  z.object({ kind: z.literal('not_kept'), why: z.enum(['read_once', 'secret']) }),
]);

export type KeptCommand = z.infer<typeof keptCommandSchema>;

/** Null for a batch of an earlier version, or of a schedule. */
export function readKeptCommand(text: string | undefined): KeptCommand | null {
  return text === undefined ? null : keptCommandSchema.parse(JSON.parse(text));
}
