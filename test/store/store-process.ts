import { type ChildProcess, fork } from 'node:child_process';
import { join, resolve } from 'node:path';
import { until } from '../support/until.js';
import { endAfterTest } from './real-redis.js';

/** As it is built: Node 20 does not run TypeScript. */
const store = resolve(import.meta.dirname, '../../dist/store/open-store.js');

/** A command of ours in a process of its own. */
export class StoreProcess {
  readonly child: ChildProcess;
  readonly changes: string[] = [];
  where: string | null = null;
  failure: string | null = null;
  #replies = new Map<number, unknown>();
  #asked = 0;

  constructor(home: string, environment: Record<string, string> = {}) {
    this.child = endAfterTest(
      fork(join(import.meta.dirname, 'store-command.mjs'), [store, home], {
        env: { ...process.env, ...environment },
        execArgv: [],
      }),
    );
    this.child.on('message', (message: Record<string, unknown>) => this.#receive(message));
  }

  static async open(home: string): Promise<StoreProcess> {
    const command = new StoreProcess(home);
    await command.settled();
    if (command.where === null) throw new Error(`not opened: ${command.failure}`);
    return command;
  }

  /** Resolves when the store is open, or has failed to open. */
  async settled(): Promise<void> {
    await until(() => this.where !== null || this.failure !== null || this.#gone());
  }

  async ask(...words: string[]): Promise<unknown> {
    this.#asked += 1;
    const id = this.#asked;
    this.child.send({ id, words });
    await until(() => this.#replies.has(id) || this.#gone());
    return this.#replies.get(id);
  }

  /** Closes the store; returns the process's exit code once it has ended by itself. */
  async close(): Promise<number | null> {
    await this.ask('close');
    await until(() => this.#gone());
    return this.child.exitCode;
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await until(() => this.#gone());
  }

  #gone(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  #receive(message: Record<string, unknown>): void {
    if (typeof message.opened === 'string') this.where = message.opened;
    if (typeof message.failed === 'string') this.failure = message.failed;
    if (typeof message.change === 'string') this.changes.push(message.change);
    if (typeof message.id === 'number') this.#replies.set(message.id, message.reply);
  }
}
