import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { BatchKeys } from './keys.js';

const tokens = z.number().nullable();

const resultSchema = z.object({
  attempt: z.number().int().positive(),
  /** The answer of a chat model. */
  text: z.string().optional(),
  /** Of the chat that it was given in; null where the API names none. */
  sessionId: z.string().nullable().optional(),
  usage: z
    .object({ inputTokens: tokens, outputTokens: tokens, totalTokens: tokens })
    .nullable()
    .optional(),
});

/** What is known of a brief's result, kept with the state that says so. */
export type BriefResult = z.infer<typeof resultSchema>;

export class ResultLedger {
  constructor(
    private readonly redis: Redis,
    private readonly keys: BatchKeys,
  ) {}

  /** Of this attempt; null where nothing is known. */
  async of(briefId: string, attempt: number): Promise<BriefResult | null> {
    const result = readResult(await this.redis.hget(this.keys.results, briefId));
    return result?.attempt === attempt ? result : null;
  }
}

function readResult(text: string | null): BriefResult | null {
  return text === null ? null : resultSchema.parse(JSON.parse(text));
}
