// Where the Redis commands of a brief go, over its whole way through one worker process.
import { join } from 'node:path';
import { compileInput } from '../dist/producer/compile-input.js';
import { bundledModels } from '../dist/rivya/catalogue.js';
import { sumOf, watchCommands } from './count-commands.mjs';
import { play } from './pipeline/play.mjs';
import { mapping, openStand, round, startApi, writeProducts } from './stand.mjs';

const count = Number(process.argv[2] ?? 500);
const stand = await openStand();
const api = await startApi();
const file = join(stand.folder, 'products.csv');
await writeProducts(file, count);
const input = await compileInput({ ...mapping, files: [file], models: bundledModels() });
const watched = await watchCommands(stand.redis);
await play('ours', { stand, api, briefs: () => input.briefs(), name: 'ours', count });
const counts = await watched.end();
await input.dispose();
const rows = [...counts].sort(([, a], [, b]) => b.commands - a.commands);
const total = sumOf(counts);
console.log(`Redis commands of a brief, admission included, over ${count} briefs`);
console.table(
  Object.fromEntries(
    [...rows, ['all', total]].map(([name, { sent, commands }]) => [
      name,
      { 'sent a brief': round(sent / count), 'commands a brief': round(commands / count) },
    ]),
  ),
);
api.close();
await stand.close();
