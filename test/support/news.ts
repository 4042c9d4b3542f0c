import type { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { newsChannel } from '../../src/shared/news.js';

/** Hears all that is told from now on, over a connection of its own. */
export async function hearNews(redis: Redis, prefix: string) {
  const listener = redis.duplicate();
  onTestFinished(() => listener.disconnect());
  const heard: string[] = [];
  let onMark: (mark: string) => void = () => undefined;
  listener.on('message', (_channel, text: string) => {
    if (text.startsWith('mark ')) onMark(text);
    else heard.push(text);
  });
  await listener.subscribe(newsChannel(prefix));
  let marks = 0;
  /** What was told since it was last asked: what is told after it cannot come before it. */
  return async (): Promise<string[]> => {
    marks += 1;
    const mark = `mark ${marks}`;
    const marked = new Promise<void>((resolve) => {
      onMark = (text) => {
        if (text === mark) resolve();
      };
    });
    await redis.publish(newsChannel(prefix), mark);
    await marked;
    return heard.splice(0);
  };
}
