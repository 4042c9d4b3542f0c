// Another process that works on the same batch.
import { once } from 'node:events';
import { contenders } from './play.mjs';

const { contender, batch, redisUrl } = JSON.parse(process.argv[2]);
const connection = contenders[contender].connect(redisUrl);
await once(connection, 'ready');
process.send('ready');
await once(process, 'message');
const ending = once(process, 'message');
const endWork = await contenders[contender].beginWork(connection, batch);
await ending;
await endWork();
connection.disconnect();
process.disconnect();
