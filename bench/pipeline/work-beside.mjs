// Another process that works on the same batch.
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { contenders } from './play.mjs';

const { contender, batch, redisUrl } = JSON.parse(process.argv[2]);
const path = redisUrl.replace('unix://', '');
const connection = new Redis({ path, maxRetriesPerRequest: null });
await once(connection, 'ready');
process.send('ready');
await once(process, 'message');
const ending = once(process, 'message');
const endWork = await contenders[contender].beginWork(connection, batch);
await ending;
await endWork();
connection.disconnect();
process.disconnect();
