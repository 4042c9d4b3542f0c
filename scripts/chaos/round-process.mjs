import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const main = join(import.meta.dirname, '../../dist/cli/main.js');

/** One place of a round: a command that is started again whenever it was killed. */
export class RoundProcess {
  #child = null;
  #frozen = false;
  output = '';
  /** How it ended last: a number, or null where a signal ended it, or it has not ended. */
  code = null;

  constructor(name, parameters, { cwd, environment, log }) {
    this.name = name;
    this.parameters = parameters;
    this.cwd = cwd;
    this.environment = environment;
    this.log = log;
  }

  get isRunning() {
    return this.#child !== null;
  }

  start(environment = {}) {
    const child = spawn(process.execPath, [main, ...this.parameters], {
      cwd: this.cwd,
      env: { PATH: process.env.PATH ?? '', HOME: this.cwd, ...this.environment, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#frozen = false;
    this.code = null;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        this.output += chunk;
      });
    }
    this.ended = once(child, 'close').then(([code, signal]) => {
      this.#child = null;
      this.code = code;
      this.log(`${this.name} ended: ${code ?? signal}`);
      return { code, signal };
    });
    return this.ended;
  }

  signal(name) {
    this.#child?.kill(name);
    if (name === 'SIGSTOP') this.#frozen = true;
    if (name === 'SIGCONT') this.#frozen = false;
  }

  thaw() {
    if (this.#frozen) this.signal('SIGCONT');
  }
}
