import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { keepHeard } from './heard.js';
import type { Finished, Running } from './running.js';

const loop = new URL('./warm-loop.mjs', import.meta.url).pathname;

interface Command {
  parameters: string[];
  folder: string;
  environment: Record<string, string>;
}

/** What was printed on one stream since the command began, without the mark that ends it. */
class Printed {
  text = '';
  readonly whole: Promise<void>;
  private found: () => void = () => undefined;

  constructor(
    private readonly stream: NodeJS.ReadableStream,
    private readonly mark: string,
  ) {
    this.whole = new Promise((resolve) => {
      this.found = resolve;
    });
    stream.on('data', this.listener);
  }

  end(): void {
    this.stream.off('data', this.listener);
  }

  private readonly listener = (chunk: Buffer) => {
    this.text += chunk.toString();
    if (!this.text.endsWith(this.mark)) return;
    this.text = this.text.slice(0, -this.mark.length);
    this.found();
  };
}

/** A process that runs one command after another and has their modules loaded; see `warm-loop.mjs`. */
export class WarmProcess {
  private static readonly idle: WarmProcess[] = [];
  private readonly mark: string;

  private constructor(
    private readonly child: ChildProcess,
    id: string,
  ) {
    this.mark = `\0${id}\0`;
  }

  /** An idle one, or a new one. */
  static take(main: string): WarmProcess {
    const idle = WarmProcess.idle.pop();
    if (idle) return idle;
    const id = randomUUID();
    const stdio = ['ignore', 'pipe', 'pipe', 'ipc'] as const;
    return new WarmProcess(spawn(process.execPath, [loop, main, id], { stdio: [...stdio] }), id);
  }

  /** The process is there for the next command when this one has ended, if it still lives. */
  start(command: Command): Running {
    const { child } = this;
    const { stdout, stderr } = child;
    if (!stdout || !stderr) throw new Error('the streams of a child are pipes');
    const out = new Printed(stdout, this.mark);
    const err = new Printed(stderr, this.mark);
    child.send(command);
    let ended = false;
    const finished = this.untilEnd([out, err]).then((end): Finished => {
      ended = true;
      if (child.connected) WarmProcess.idle.push(this);
      const printed = { stdout: out.text, stderr: err.text };
      keepHeard(command.parameters, printed);
      return { ...end, ...printed };
    });
    return {
      processId: child.pid ?? 0,
      finished,
      output: () => out.text + err.text,
      hasEnded: () => ended,
      kill: (signal) => {
        if (!ended) child.kill(signal);
      },
    };
  }

  private async untilEnd(printed: Printed[]): Promise<Pick<Finished, 'code' | 'signal'>> {
    const { child } = this;
    const done = new AbortController();
    const { signal } = done;
    const said = once(child, 'message', { signal }).then(async ([{ code }]) => {
      await Promise.all(printed.map(({ whole }) => whole));
      return { code, signal: null };
    });
    const closed = once(child, 'close', { signal }).then(([code, by]) => ({ code, signal: by }));
    try {
      return await Promise.race([said, closed]);
    } finally {
      done.abort();
      await Promise.allSettled([said, closed]);
      for (const each of printed) each.end();
    }
  }
}
