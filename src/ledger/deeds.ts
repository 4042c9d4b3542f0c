import type { Redis } from 'ioredis';
import { z } from 'zod';
import { counted, formatCredits } from '../shared/quantities.js';
import { runScript } from './scripts.js';

/** Whoever does something: by the name of a login, or of the user of a machine, and from where. */
const doerSchema = z.object({
  name: z.string(),
  from: z.enum(['monitor', 'command line', 'library']),
});

export type Doer = z.infer<typeof doerSchema>;

const batchDeedSchema = z.enum(['pause', 'resume', 'cancel', 'retry', 'priority']);

/** What people may want of a batch. */
export type BatchDeed = z.infer<typeof batchDeedSchema>;

const deedSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('paused') }),
  z.object({ kind: z.literal('resumed') }),
  z.object({ kind: z.literal('cancelled'), submitted: z.enum(['collect', 'abandon']) }),
  z.object({
    kind: z.literal('retried'),
    /** That were opened again. */
    briefs: z.number(),
    /** What they are expected to cost. */
    credits: z.number(),
    /** Error codes by which they were chosen; none where that was by something else. */
    codes: z.array(z.string()).readonly(),
    /** What was agreed to: whoever answers the same question once more finds that it is done. See `markOf`. */
    mark: z.string(),
  }),
  z.object({ kind: z.literal('priority'), priority: z.number() }),
  /** Somebody was told that it goes on, and nothing came of it. */
  z.object({
    kind: z.literal('not_done'),
    deed: batchDeedSchema,
    why: z.string(),
  }),
  z.object({ kind: z.literal('run_asked') }),
  z.object({ kind: z.literal('changed') }),
]);

/** What a person has done to a batch or a schedule. */
export type Deed = z.infer<typeof deedSchema>;

export interface NotedDeed {
  /** In ms since the epoch, by Redis' clock. */
  atMs: number;
  deed: Deed;
  by: Doer;
}

const notedSchema = z.object({ deed: deedSchema, by: doerSchema });

/** Of each batch and schedule; some 150 bytes each. */
const mostKept = 50;
const longestName = 100;
const mostCodes = 5;
const longestWhy = 500;

/** Where deeds are kept, and how it is known that what they are done to is there. */
interface DeedKeys {
  /** Hash that has `field` for as long. */
  hash: string;
  field: string;
  /** See `lua/note-deed.lua`. */
  list: string;
  clock: string;
}

/** What people have done to one batch, or to one schedule: the latest of it. */
export class DeedLedger {
  constructor(
    private readonly redis: Redis,
    private readonly keys: DeedKeys,
  ) {}

  async note(deed: Deed, by: Doer): Promise<void> {
    const { hash, field, list, clock } = this.keys;
    const text = JSON.stringify({
      deed: cutOff(deed),
      by: { ...by, name: by.name.slice(0, longestName) },
    });
    await runScript(this.redis, 'note-deed', {
      keys: [hash, list, clock],
      values: [field, text, mostKept],
    });
  }

  /** The latest first; what a later version has noted is left aside. */
  async latest(): Promise<NotedDeed[]> {
    const texts = await this.redis.lrange(this.keys.list, 0, -1);
    return texts.flatMap((text) => {
      const end = text.indexOf(' ');
      const noted = notedSchema.safeParse(JSON.parse(text.slice(end + 1)));
      return noted.success ? { atMs: Number(text.slice(0, end)), ...noted.data } : [];
    });
  }
}

function cutOff(deed: Deed): Deed {
  if (deed.kind === 'retried') return { ...deed, codes: deed.codes.slice(0, mostCodes) };
  return deed.kind === 'not_done' ? { ...deed, why: deed.why.slice(0, longestWhy) } : deed;
}

/** `retried 3 briefs of nsfw, for about 3 credits` */
function deedWords(deed: Deed): string {
  switch (deed.kind) {
    case 'paused':
    case 'resumed':
    case 'changed':
      return deed.kind;
    case 'cancelled':
      return deed.submitted === 'abandon'
        ? 'cancelled, and left behind what was submitted'
        : 'cancelled';
    case 'retried': {
      const { briefs, credits, codes } = deed;
      const which = codes.length === 0 ? '' : ` of ${codes.join(', ')}`;
      return `retried ${counted(briefs, 'brief')}${which}, for about ${formatCredits(credits)}`;
    }
    case 'priority':
      return `set the priority to ${deed.priority}`;
    case 'not_done': {
      const what = deed.deed === 'priority' ? 'set the priority' : deed.deed;
      return `tried to ${what} and could not (${deed.why})`;
    }
    case 'run_asked':
      return 'asked for a run';
    default:
      return deed satisfies never;
  }
}

/** `paused by anna (monitor), 2026-11-21 16:20:03 UTC` */
export function notedWords({ atMs, deed, by }: NotedDeed): string {
  const at = new Date(atMs).toISOString().slice(0, 19).replace('T', ' ');
  return `${deedWords(deed)} by ${by.name} (${by.from}), ${at} UTC`;
}
