import type { Redis } from 'ioredis';

/**
 * What processes tell each other over Redis, so that nobody has to ask: something has changed for a batch (jobs, a
 * cap, a pause, lines) or for an account (a hold, a place in flight). News is a hint and nothing more: what is lost
 * with a connection is found again by whoever looks at everything when it comes back.
 */
export type News =
  | { about: 'batch'; name: string }
  | { about: 'account'; name: string }
  /** An account has a message to tell. */
  | { about: 'messages'; name: string }
  /** Some may have been missed. */
  | { about: 'all' };

/** Scripts publish there as well: see `lua/news.lua`. */
export function newsChannel(prefix: string): string {
  return `${prefix}:news`;
}

/** As they go over the channel. */
export function newsText({ about, name }: Exclude<News, { about: 'all' }>): string {
  return `${about} ${name}`;
}

export async function tellNews(
  redis: Redis,
  prefix: string,
  news: Exclude<News, { about: 'all' }>,
): Promise<void> {
  await redis.publish(newsChannel(prefix), newsText(news));
}

/** Hears the news of one Redis over one connection of its own, which costs nothing while there are none. */
export class NewsReader {
  private readonly listeners = new Set<(news: News) => void>();
  private readonly subscriber: Redis;

  /** @param connection is duplicated: a connection that listens can do nothing else */
  constructor(connection: Redis, prefix: string) {
    this.subscriber = connection.duplicate({ autoResubscribe: false });
    // Connection errors are told once by the store; without a listener each would end the process.
    this.subscriber.on('error', () => undefined);
    this.subscriber.on('ready', () => {
      // What is told before it is subscribed would be lost without a trace.
      this.subscriber
        .subscribe(newsChannel(prefix))
        .then(() => this.tell({ about: 'all' }))
        .catch(() => undefined);
    });
    this.subscriber.on('message', (_channel, text: string) => {
      const at = text.indexOf(' ');
      const about = text.slice(0, at);
      if (about !== 'batch' && about !== 'account' && about !== 'messages') return;
      this.tell({ about, name: text.slice(at + 1) });
    });
  }

  /** @returns a function that takes the listener off again */
  listen(listener: (news: News) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  close(): void {
    this.listeners.clear();
    this.subscriber.disconnect();
  }

  private tell(news: News): void {
    for (const listener of this.listeners) listener(news);
  }
}
