import { Redis } from 'ioredis';
import { expect, inject, it, onTestFinished, vi } from 'vitest';
import { type News, NewsReader, newsChannel, tellNews } from '../../src/shared/news.js';
import { openCuttingProxy } from '../support/cutting-proxy.js';
import { connect, newPrefix } from '../support/ledger.js';

const eventually = (check: () => void) => vi.waitFor(check, { timeout: 30_000, interval: 10 });

async function openReader(prefix: string, connection = connect()) {
  const reader = new NewsReader(connection, prefix);
  onTestFinished(() => reader.close());
  const heard: News[] = [];
  const unlisten = reader.listen((news) => heard.push(news));
  return { reader, heard, unlisten };
}

it('is heard by all that listen, on whichever connection, and by nobody of another prefix', async () => {
  const prefix = newPrefix();
  const here = await openReader(prefix);
  const there = await openReader(prefix);
  const elsewhere = await openReader(newPrefix());
  const readers = [here, there, elsewhere];
  await eventually(() => {
    for (const { heard } of readers) expect(heard).toEqual([{ about: 'all' }]);
  });
  const redis = connect();
  await eventuallyListening(redis, prefix, 2);
  await tellNews(redis, prefix, { about: 'batch', name: 'spring sale' });
  await redis.publish(newsChannel(prefix), 'something else');
  await tellNews(redis, prefix, { about: 'account', name: 'account-1' });
  for (const { heard } of [here, there]) {
    await eventually(() => expect(heard).toHaveLength(3));
    expect(heard.slice(1)).toEqual([
      { about: 'batch', name: 'spring sale' },
      { about: 'account', name: 'account-1' },
    ]);
  }
  expect(elsewhere.heard).toEqual([{ about: 'all' }]);
});

async function eventuallyListening(redis: Redis, prefix: string, count: number) {
  const channel = newsChannel(prefix);
  await expect.poll(() => redis.pubsub('NUMSUB', channel)).toEqual([channel, count]);
}

it('tells that some may have been missed when its connection comes back, and hears again', async () => {
  const proxy = await openCuttingProxy(inject('redisSocket'));
  onTestFinished(() => proxy.close());
  const connection = new Redis(proxy.url, { maxRetriesPerRequest: null });
  connection.on('error', () => undefined);
  onTestFinished(() => connection.disconnect());
  const prefix = newPrefix();
  const { heard } = await openReader(prefix, connection);
  await eventually(() => expect(heard).toEqual([{ about: 'all' }]));
  proxy.cut();
  await eventually(() => expect(heard).toEqual([{ about: 'all' }, { about: 'all' }]));
  const redis = connect();
  await eventuallyListening(redis, prefix, 1);
  await tellNews(redis, prefix, { about: 'batch', name: 'spring' });
  await eventually(() => expect(heard.at(-1)).toEqual({ about: 'batch', name: 'spring' }));
  expect(heard).toHaveLength(3);
});

it('tells nothing to a listener that was taken off, nor to anybody once it is closed', async () => {
  const prefix = newPrefix();
  const { reader, heard, unlisten } = await openReader(prefix);
  const other: News[] = [];
  reader.listen((news) => other.push(news));
  await eventually(() => expect(heard).toHaveLength(1));
  const redis = connect();
  await eventuallyListening(redis, prefix, 1);
  unlisten();
  await tellNews(redis, prefix, { about: 'batch', name: 'spring' });
  await eventually(() => expect(other.at(-1)).toEqual({ about: 'batch', name: 'spring' }));
  expect(heard).toHaveLength(1);
  reader.close();
  await eventuallyListening(redis, prefix, 0);
});
