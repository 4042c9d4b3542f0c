import type { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { adoptFolder } from '../../src/batch/adopt-folder.js';
import { withQueues } from '../../src/batch/batch-context.js';
import { keepRedis } from '../support/keep-redis.js';
import { connect } from '../support/ledger.js';
import { openBatchDesk } from './batch-desk.js';

const handshake = new Set(['client', 'info']);

/** Nothing that this connection sends comes between Redis as it is before the nth command and as it was. */
function turnBackBefore(redis: Redis, nth: number, turnBack: () => Promise<void>) {
  const { sendCommand } = redis;
  let sent = 0;
  let turning: Promise<void> | null = null;
  redis.sendCommand = function (command, stream) {
    // What a transaction gathers is sent with it; and a handshake is no step of ours.
    if (stream !== undefined || handshake.has(command.name)) {
      return sendCommand.call(this, command, stream);
    }
    sent += 1;
    if (sent === nth) turning = turnBack();
    if (turning === null) return sendCommand.call(this, command);
    void turning.then(() => sendCommand.call(this, command));
    return command.promise;
  };
  return {
    end: () => {
      redis.sendCommand = sendCommand;
    },
    hasTurned: () => turning !== null,
  };
}

const before = ['a,one', 'bad,two', 'c,three'];
const changed = ['a,another', 'bad,two', 'c,three'];

/** A finished batch of which something was made once more since Redis was kept, and a command that queues one row more. */
async function openTurned(news: 'retried' | 'changed') {
  const desk = await openBatchDesk();
  const first = await desk.run(before);
  const turnBack = await keepRedis(connect(), desk.prefix, desk.redis);
  if (news === 'changed') await desk.run(changed);
  else {
    await desk.retry(first);
    await desk.finish(first);
  }
  const rows = [...(news === 'changed' ? changed : before), 'd,four'];
  return { ...desk, turnBack, opened: await desk.open(rows) };
}

describe('Redis goes back in time while an input is queued', () => {
  for (const news of ['retried', 'changed'] as const) {
    it(`S1, S4: to before some of it was ${news}: at whichever command, all of it is queued, and nothing is made again`, async () => {
      for (let nth = 1; ; nth += 1) {
        const desk = await openTurned(news);
        const { ledger } = desk.opened;
        const turning = turnBackBefore(desk.redis, nth, desk.turnBack);
        await desk.admit(desk.opened);
        turning.end();
        await withQueues(desk.context, 'spring', async (queues) => {
          const batch = { ledger, queues, out: desk.out };
          expect(await adoptFolder(batch)).toMatchObject({ kind: 'adopted' });
          const jobs = await queues.queue('submit').getWaiting(0, -1);
          expect(jobs.map(({ data }) => data.brief)).toEqual(['d']);
        });
        expect(await ledger.meta()).toMatchObject({ stage: 'running', admitted: 4, pending: 1 });
        const remade = await ledger.briefs.read(news === 'changed' ? 'a' : 'bad');
        expect(remade?.state).toMatchObject({ stage: 'lined', attempt: 2 });
        if (turning.hasTurned()) continue;
        expect(nth).toBeGreaterThan(10);
        return;
      }
    });
  }
});
