import type { Redis } from 'ioredis';
import type { BatchKeys } from './keys.js';
import { runScript } from './scripts.js';

export interface OutboxPage {
  generation: string;
  /** Where in the manifest the first of the lines belongs, in bytes. */
  offset: number;
  lines: string[];
}

/** A batch's finished lines that are not in the manifest yet, and where in it they belong (S4). */
export class OutboxLedger {
  constructor(
    private readonly redis: Redis,
    private readonly keys: BatchKeys,
    readonly batch: string,
  ) {}

  /** Which file the manifest is: raised whenever a retry replaces it. */
  async generation(): Promise<string> {
    return (await this.redis.hget(this.keys.meta, 'generation')) ?? '0';
  }

  async read(most: number): Promise<OutboxPage> {
    const { meta, outbox } = this.keys;
    const reply = (await runScript(this.redis, 'read-outbox', {
      keys: [meta, outbox],
      values: [most],
    })) as string[];
    const [generation = '0', offset = '0', ...lines] = reply;
    return { generation, offset: Number(offset), lines };
  }

  async markWritten(page: OutboxPage, endOffset: number): Promise<'marked' | 'was_marked'> {
    const { meta, outbox } = this.keys;
    const reply = await runScript(this.redis, 'mark-written', {
      keys: [meta, outbox],
      values: [page.generation, page.offset, page.lines.length, endOffset],
    });
    return reply === 1 ? 'marked' : 'was_marked';
  }

  async all(): Promise<string[]> {
    return this.redis.lrange(this.keys.outbox, 0, -1);
  }

  async length(): Promise<number> {
    return this.redis.llen(this.keys.outbox);
  }
}
