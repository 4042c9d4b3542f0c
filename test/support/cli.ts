import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { test as base, inject } from 'vitest';
import type { RunReport } from '../../src/results/run-report.js';
import { type ManifestLine, manifestLineSchema } from '../../src/shared/manifest-line.js';
import {
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from '../../src/simulator/start-simulator.js';
import { type Finished, type Running, startProcess } from './running.js';
import { WarmProcess } from './warm-process.js';

const dist = new URL('../../dist/', import.meta.url).pathname;
const bundled = join(dist, 'bin/rivya-batch.js');
/** The same before it was bundled: what is loaded into it finds the modules that it uses. */
const compiled = join(dist, 'cli/main.js');

export type DeskOptions = SimulatorOptions & { redis?: 'shared' | 'private' };

/** One user at one terminal: a folder, a simulated API, a key, and a Redis. */
export class Desk {
  private readonly started: { parameters: string[]; running: Running }[] = [];

  private constructor(
    readonly folder: string,
    readonly simulator: Simulator,
    readonly environment: Record<string, string>,
  ) {}

  static async open(options: DeskOptions = {}): Promise<Desk> {
    const { redis = 'shared', ...simulated } = options;
    const folder = await mkdtemp(join(tmpdir(), 'rivya-batch-desk-'));
    const simulator = await startSimulator({ speed: 20, tinyMedia: true, ...simulated });
    const prefix = `t${randomBytes(6).toString('hex')}`;
    const environment = {
      PATH: process.env.PATH ?? '',
      HOME: folder,
      RIVYA_BASE_URL: simulator.origin,
      RIVYA_API_KEY: 'rvya_sk_desk',
      RIVYA_BATCH_PREFIX: prefix,
      ...(redis === 'shared' ? { REDIS_URL: `unix://${inject('redisSocket')}` } : {}),
    };
    return new Desk(folder, simulator, environment);
  }

  async close(): Promise<void> {
    for (const { running } of this.started) running.kill('SIGKILL');
    await this.simulator.close();
    await this.stopPrivateRedis();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** The socket of the private Redis, where one was started. */
  get redisSocket(): string {
    return join(this.folder, '.rivya-batch', 'redis.sock');
  }

  /** Redis is killed and its folder deleted: nothing of its state is left. */
  async losePrivateRedis(): Promise<void> {
    await this.stopPrivateRedis();
    while (existsSync(this.redisSocket)) await sleep(20);
    await rm(join(this.folder, '.rivya-batch'), { recursive: true, force: true, maxRetries: 5 });
  }

  /** Redis is killed and its folder is as it was when `keepPrivateRedis` was called: it has gone back in time. */
  async turnBackPrivateRedis(): Promise<void> {
    await this.losePrivateRedis();
    await cp(join(this.folder, 'kept'), join(this.folder, '.rivya-batch'), { recursive: true });
  }

  /** Redis is ended and its folder kept for later. */
  async keepPrivateRedis(): Promise<void> {
    await this.stopPrivateRedis();
    while (existsSync(this.redisSocket)) await sleep(20);
    await cp(join(this.folder, '.rivya-batch'), join(this.folder, 'kept'), { recursive: true });
  }

  private async stopPrivateRedis(): Promise<void> {
    if (this.environment.REDIS_URL || !existsSync(this.redisSocket)) return;
    const redis = new Redis({
      path: this.redisSocket,
      retryStrategy: () => null,
      lazyConnect: true,
    });
    redis.on('error', () => undefined);
    await redis.connect().then(
      () => redis.call('SHUTDOWN', 'NOSAVE').catch(() => undefined),
      () => undefined,
    );
    redis.disconnect();
  }

  start(parameters: string[], environment: Record<string, string> = {}): Running {
    // What is loaded into Node beside the command is loaded when a process begins.
    if (environment.NODE_OPTIONS) return this.startAlone(parameters, { environment });
    return this.kept(
      parameters,
      WarmProcess.take(bundled).start({
        parameters,
        folder: this.folder,
        environment: { ...this.environment, ...environment },
      }),
    );
  }

  /** To its end. */
  run(
    parameters: string[],
    { input, environment = {} }: { input?: string; environment?: Record<string, string> } = {},
  ): Promise<Finished> {
    const running =
      input === undefined
        ? this.start(parameters, environment)
        : this.startAlone(parameters, { input, environment });
    return running.finished;
  }

  private startAlone(
    parameters: string[],
    { input = '', environment }: { input?: string; environment: Record<string, string> },
  ): Running {
    const main = environment.NODE_OPTIONS ? compiled : bundled;
    return this.kept(
      parameters,
      startProcess([main, ...parameters], {
        input,
        folder: this.folder,
        environment: { ...this.environment, ...environment },
      }),
    );
  }

  private kept(parameters: string[], running: Running): Running {
    this.started.push({ parameters, running });
    return running;
  }

  /** Commands that have not ended, each with what it printed. */
  unfinished(): string {
    return this.started
      .filter(({ running }) => !running.hasEnded())
      .map(({ parameters, running }) => `${parameters.join(' ')}\n${running.output()}`)
      .join('\n');
  }

  /** Resolves when the API has made so many tasks. */
  async tasksMade(count: number): Promise<void> {
    while (this.simulator.bill().total.tasks < count) await sleep(20);
  }

  async write(name: string, content: string | Buffer): Promise<string> {
    const path = join(this.folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    return name;
  }

  async read(name: string): Promise<string> {
    return readFile(join(this.folder, name), 'utf8');
  }

  async lines(out: string): Promise<ManifestLine[]> {
    const text = await this.read(join(out, 'manifest.jsonl'));
    return text
      .trimEnd()
      .split('\n')
      .map((line) => manifestLineSchema.parse(JSON.parse(line)));
  }

  async report(out: string): Promise<RunReport> {
    return JSON.parse(await this.read(join(out, 'run.json'))) as RunReport;
  }

  async assets(out: string): Promise<string[]> {
    return (await readdir(join(this.folder, out, 'assets'))).sort();
  }
}

/** A CSV of `count` products with ids that begin with zeros. */
export function productsCsv(count: number): string {
  const rows = Array.from(
    { length: count },
    (_, index) => `${String(index + 1).padStart(5, '0')},Product ${index + 1}`,
  );
  return `sku,title\n${rows.join('\n')}\n`;
}

export const mapping = ['--id', 'sku', '--model', 'z-image', '--prompt', 'Photo of {{title}}'];
/** Limits at which the pace is not what a test waits for. */
export const fast = ['--rate', '500', '--in-flight', '500'];

/** A test with desks that are taken down when it ends; where it was in vain, it tells of commands that had not ended. */
export const test = base.extend<{ openDesk: (options?: DeskOptions) => Promise<Desk> }>({
  openDesk: async ({ task, signal }, use) => {
    const desks: Desk[] = [];
    await use(async (options) => {
      const desk = await Desk.open(options);
      desks.push(desk);
      return desk;
    });
    if (signal.aborted) for (const desk of desks) console.error(task.name, desk.unfinished());
    await Promise.all(desks.map((desk) => desk.close()));
  },
});
