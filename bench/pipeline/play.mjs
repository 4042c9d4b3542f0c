import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LineCount, perSecond } from '../stand.mjs';
import * as bare from './bare.mjs';
import * as ours from './ours.mjs';

export const contenders = { bare, ours };
const helper = fileURLToPath(new URL('./work-beside.mjs', import.meta.url));

/**
 * The whole way of briefs through this process, and others beside it: from the first job that is taken until all is
 * written.
 */
export async function play(contender, { stand, api, briefs, name, count, processes = 1 }) {
  const { connect, queueBriefs, beginWork, isFinished } = contenders[contender];
  const connection = connect(stand.url);
  const batch = {
    ...{ name, count, origin: api.origin, out: join(stand.folder, name), concurrency: 32 },
  };
  await queueBriefs(connection, batch, briefs());
  const beside = Array.from({ length: processes - 1 }, () =>
    fork(helper, [JSON.stringify({ contender, batch, redisUrl: stand.url })]),
  );
  await Promise.all(beside.map((process) => once(process, 'message')));
  const lines = new LineCount(join(batch.out, 'manifest.jsonl'));
  const commandsBefore = await stand.commandCount();
  const startedAt = performance.now();
  for (const process of beside) process.send('begin');
  const endWork = await beginWork(connection, batch);
  while (!(await isFinished(batch, lines))) await sleep(20);
  const rate = perSecond(count, startedAt);
  const commands = ((await stand.commandCount()) - commandsBefore) / count;
  const ended = beside.map((process) => once(process, 'exit'));
  for (const process of beside) process.send('end');
  await Promise.all([endWork(), ...ended]);
  connection.disconnect();
  return { rate, commands };
}
