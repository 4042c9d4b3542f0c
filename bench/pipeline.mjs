// Whole pipeline against an API without latency: ours beside bare BullMQ.
//   node bench/pipeline.mjs [BRIEFS] [ROUNDS]
import { join } from 'node:path';
import { compileInput } from '../dist/producer/compile-input.js';
import { bundledModels } from '../dist/rivya/catalogue.js';
import { play } from './pipeline/play.mjs';
import { mapping, openStand, round, startApi, writeProducts } from './stand.mjs';

const count = Number(process.argv[2] ?? 3_000);
const rounds = Number(process.argv[3] ?? 3);

const stand = await openStand();
const api = await startApi();
const results = [];
for (const processes of [1, 2]) {
  for (let n = 1; n <= rounds; n += 1) {
    const file = join(stand.folder, `products${processes}-${n}.csv`);
    await writeProducts(file, count);
    const input = await compileInput({ ...mapping, files: [file], models: bundledModels() });
    const playing = { stand, api, briefs: () => input.briefs(), count, processes };
    const bare = await play('bare', { ...playing, name: `bare${processes}-${n}` });
    const ours = await play('ours', { ...playing, name: `ours${processes}-${n}` });
    await input.dispose();
    results.push({
      processes,
      'bare, briefs/s': Math.round(bare.rate),
      'ours, briefs/s': Math.round(ours.rate),
      ratio: round(ours.rate / bare.rate),
      'bare, Redis commands/brief': round(bare.commands, 1),
      'ours, Redis commands/brief': round(ours.commands, 1),
    });
  }
}
console.log(`Pipeline of ${count} briefs, API without latency`);
console.table(results);
api.close();
await stand.close();
