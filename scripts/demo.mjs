// `npm run demo`: the main job on the example catalog, against the built-in simulator.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ensureRedisServer } from './provide-redis.mjs';

const root = dirname(import.meta.dirname);
const out = join(root, 'demo-out');
ensureRedisServer();
if (!existsSync(join(root, 'dist/bin/rivya-batch.js'))) await import('./build.mjs');
const { startSimulator } = await import('../dist/simulator/start-simulator.js');

// Tasks finish three times as fast as in life; three answers get lost on the way, as happens in life too.
const simulator = await startSimulator({
  speed: 3,
  credits: 500,
  faults: ['Salt pig', 'Kite', 'Cast-iron pan'].map(
    (title) => `lose-answer-after-accept:1x:prompt=${title}`,
  ),
});
rmSync(out, { recursive: true, force: true });

const command = [
  'run',
  'examples/catalog.csv',
  '--out',
  'demo-out',
  '--id',
  'sku',
  '--model',
  'z-image',
  '--prompt',
  'Studio photo of {{title}} in {{colour}}. {{description}}',
  '--param',
  'aspect_ratio={{aspect}}',
  '--rate',
  '8',
  '--in-flight',
  '24',
];
console.log(`A simulated Rivya API runs at ${simulator.origin}. The command:\n`);
console.log(
  `  npx rivya-batch ${command.map((word) => (/[\s{]/.test(word) ? `'${word}'` : word)).join(' ')}\n`,
);

const child = spawn(process.execPath, [join(root, 'dist/bin/rivya-batch.js'), ...command], {
  cwd: root,
  stdio: 'inherit',
  env: {
    ...process.env,
    RIVYA_BASE_URL: simulator.origin,
    RIVYA_API_KEY: 'rvya_sk_demo',
    // Nothing of your own set-up is touched: a Redis of its own, inside the folder.
    REDIS_URL: '',
    RIVYA_BATCH_HOME: join(out, '.rivya-batch'),
    // These credits are nobody's.
    RIVYA_BATCH_ASK_ABOVE: '100000',
  },
});
// Ctrl+C goes to the run, which saves and stops; then this script ends too.
process.on('SIGINT', () => undefined);
const [exitCode] = await once(child, 'close');

const bill = simulator.bill();
await simulator.close();
console.log(
  `\nWhat the API billed: ${bill.total.tasks} tasks, ${bill.total.spent} credits; paid twice: ${bill.billedTwice.length}.`,
);
if (bill.replays > 0) {
  console.log(
    `${bill.replays} submissions whose answer was lost were sent again under the same key, and not charged again.`,
  );
}
process.exitCode = exitCode ?? 1;
