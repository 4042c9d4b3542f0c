import type { Redis } from 'ioredis';
import { z } from 'zod';
import { type BriefState, decodeState } from './brief-state.js';
import type { BatchKeys } from './keys.js';
import { compareAndSet, runScript } from './scripts.js';

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
  /** Its first asset. */
  file: z
    .object({
      /** Relative to the batch's folder, as in its line. */
      path: z.string(),
      bytes: z.number(),
      sha256: z.string(),
      mediaType: z.string(),
    })
    .optional(),
});

/** What is known of a brief's result, kept with the state that says so. */
export type BriefResult = z.infer<typeof resultSchema>;

/** A person's word on a result. `again`: it is to be made anew, before anything goes on with it. */
export type Verdict = 'approved' | 'rejected' | 'again';

/** A brief that steps come after, as they see it. */
export interface StepSight {
  state: BriefState | null;
  /** Of the attempt that the state names; null where nothing is known. */
  result: BriefResult | null;
  /** On that attempt; null where nobody has decided. */
  verdict: Verdict | null;
}

/** Which steps come after which briefs, the results that they are made with, and what was decided about these. */
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

  /** In the order of the ids. */
  async look(briefIds: readonly string[]): Promise<StepSight[]> {
    if (briefIds.length === 0) return [];
    const { state: states, results } = this.keys;
    // In this order: a result that is read is no older than the state before it.
    const [texts, found] = await Promise.all([
      this.redis.hmget(states, ...briefIds),
      this.redis.hmget(results, ...briefIds),
    ]);
    const read = briefIds.map((_id, index) => {
      const text = texts[index];
      const state = typeof text === 'string' ? decodeState(text).state : null;
      return { state, result: readResult(found[index] ?? null) };
    });
    const fields = briefIds.map((id, index) => verdictField(id, read[index]?.state?.attempt ?? 0));
    const verdicts = await this.redis.hmget(results, ...fields);
    return read.map(({ state, result }, index) => ({
      state,
      result: result !== null && result.attempt === state?.attempt ? result : null,
      // '' where it was taken back.
      verdict: (verdicts[index] || null) as Verdict | null,
    }));
  }

  /** Registers steps with the briefs that they come after: whoever ends one of these from now on is told of them. */
  async follow(steps: ReadonlyMap<string, readonly string[]>): Promise<void> {
    const pairs = [...steps].flatMap(([step, after]) => after.flatMap((id) => [id, step]));
    if (pairs.length === 0) return;
    await runScript(this.redis, 'follow', { keys: [this.keys.followers], values: pairs });
  }

  /** The steps that come after a brief. */
  async followers(briefId: string): Promise<string[]> {
    return followersIn(await this.redis.hget(this.keys.followers, briefId));
  }

  /** What lines tell of results that a lost Redis took along. */
  async restore(results: ReadonlyMap<string, BriefResult>): Promise<void> {
    if (results.size === 0) return;
    const fields = [...results].flatMap(([id, result]) => [id, JSON.stringify(result)]);
    await this.redis.hset(this.keys.results, ...fields);
  }

  /** Keeps a verdict, or none, on the very attempt that was looked at, unless somebody else has kept another one since. */
  async decide(
    briefId: string,
    attempt: number,
    { known, verdict }: { known: Verdict | null; verdict: Verdict | null },
  ): Promise<void> {
    const { results } = this.keys;
    const field = verdictField(briefId, attempt);
    await compareAndSet(this.redis, {
      keys: [results, results],
      values: [field, known ?? '', field, verdict ?? ''],
    });
  }
}

export function followersIn(text: string | null | undefined): string[] {
  return text ? text.split('\n') : [];
}

function readResult(text: string | null): BriefResult | null {
  return text === null ? null : resultSchema.parse(JSON.parse(text));
}

/** No id holds a newline. */
function verdictField(briefId: string, attempt: number): string {
  return `${briefId}\n${attempt}`;
}
