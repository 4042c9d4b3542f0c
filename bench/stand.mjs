// What both benchmarks stand on: a Redis of their own, a simulator in its own process, products as CSV.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';

/** AOF as in the product: what is measured is what is run. */
export async function openStand() {
  const folder = await mkdtemp(join(tmpdir(), 'rivya-bench-'));
  const socket = join(folder, 'redis.sock');
  const server = spawn(
    'redis-server',
    ['--port', '0', '--unixsocket', socket, '--save', '', '--appendonly', 'yes', '--dir', folder],
    { stdio: 'ignore' },
  );
  // Also where the benchmark ends with an error.
  process.on('exit', () => server.kill('SIGKILL'));
  const connect = () => new Redis({ path: socket, maxRetriesPerRequest: null });
  const redis = connect();
  redis.on('error', () => undefined);
  while (redis.status !== 'ready') await sleep(20);
  return {
    folder,
    url: `unix://${socket}`,
    redis,
    connect,
    async commandCount() {
      const stats = await redis.info('stats');
      return Number(/total_commands_processed:(\d+)/.exec(stats)?.[1]);
    },
    async memoryUsed() {
      const memory = await redis.info('memory');
      return Number(/used_memory:(\d+)/.exec(memory)?.[1]);
    },
    async close() {
      redis.disconnect();
      server.kill('SIGKILL');
      await once(server, 'exit');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The API without latency: what is left is our own work. */
export async function startApi() {
  const script = fileURLToPath(new URL('./zero-latency-api.mjs', import.meta.url));
  // It remembers every task and request: of a million briefs, more than Node gives a process by itself.
  const child = spawn(process.execPath, ['--max-old-space-size=12000', script], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const [line] = await once(child.stdout, 'data');
  return {
    origin: String(line).trim(),
    /** How many tasks it made, for how many keys, what was paid twice, and its answers. */
    async bill() {
      const told = once(child, 'message');
      child.send('bill');
      const [bill] = await told;
      return bill;
    },
    close: () => child.kill('SIGKILL'),
  };
}

export async function writeProducts(path, count) {
  const rows = ['sku,title,colour,description'];
  for (let n = 1; n <= count; n += 1) {
    rows.push(
      `${String(n).padStart(7, '0')},Product ${n},${n % 2 ? 'amber' : 'slate'},"A thing of plain use, number ${n}, with a handle, a lid and a story that takes about two lines of a catalog to tell"`,
    );
  }
  await writeFile(path, `${rows.join('\n')}\n`);
}

/** Lines of a file that grows, each read once. */
export class LineCount {
  count = 0;
  #read = 0;

  constructor(path) {
    this.path = path;
  }

  async look() {
    const file = await open(this.path).catch(() => null);
    if (file === null) return this.count;
    const chunk = Buffer.alloc(1 << 20);
    for (;;) {
      const { bytesRead } = await file.read(chunk, 0, chunk.length, this.#read);
      if (bytesRead === 0) break;
      this.#read += bytesRead;
      for (
        let at = chunk.indexOf(10);
        at !== -1 && at < bytesRead;
        at = chunk.indexOf(10, at + 1)
      ) {
        this.count += 1;
      }
    }
    await file.close();
    return this.count;
  }
}

export const mapping = {
  format: null,
  delimiter: null,
  model: 'z-image',
  prompt: 'Studio photo of {{title}} in {{colour}}. {{description}}',
  id: 'sku',
  params: [],
  variants: 1,
  limit: null,
};

/** Mulberry32: small, seeded, good enough for durations. */
export function openRandom(seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, logNormal: ({ medianMs, sigma }) => medianMs * Math.exp(sigma * normal()) };
}

export function perSecond(count, startedAt) {
  return count / ((performance.now() - startedAt) / 1000);
}

export function round(value, digits = 2) {
  return Number(value.toFixed(digits));
}
