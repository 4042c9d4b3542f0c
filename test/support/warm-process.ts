import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';

const loop = new URL('./warm-loop.mjs', import.meta.url).pathname;

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

interface Command {
  parameters: string[];
  folder: string;
  environment: Record<string, string>;
}

/** A process that has run commands before and has their modules loaded; see `warm-loop.mjs`. */
export class WarmProcess {
  private static readonly idle: WarmProcess[] = [];
  private readonly mark: string;
  private readonly child: ChildProcess;

  private constructor(main: string) {
    const id = randomUUID();
    this.mark = `\0${id}\0`;
    this.child = spawn(process.execPath, [loop, main, id], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.child.setMaxListeners(0);
  }

  static take(main: string): WarmProcess {
    return WarmProcess.idle.pop() ?? new WarmProcess(main);
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }

  /** Resolves when the command has ended; the process is then there for the next one, if it still lives. */
  async run({ parameters, folder, environment }: Command): Promise<Finished> {
    const { child } = this;
    const printed = ['stdout', 'stderr'].map((name) => this.untilMark(name as 'stdout'));
    const left = new AbortController();
    const { signal } = left;
    child.send({ parameters, folder, environment });
    const ended = once(child, 'message', { signal }).then(async ([{ code }]) => {
      await Promise.all(printed.map((each) => each.marked));
      return { code: code as number, signal: null };
    });
    const closed = once(child, 'close', { signal }).then(([code, by]) => ({ code, signal: by }));
    const end = await Promise.race([ended, closed]);
    left.abort();
    await Promise.allSettled([ended, closed]);
    const [stdout, stderr] = printed.map((each) => each.end());
    if (child.exitCode === null && child.signalCode === null) WarmProcess.idle.push(this);
    return { ...end, stdout: stdout ?? '', stderr: stderr ?? '' };
  }

  private untilMark(name: 'stdout' | 'stderr') {
    const stream = this.child[name];
    let text = '';
    let onMark: () => void;
    const marked = new Promise<void>((resolve) => {
      onMark = resolve;
    });
    const listener = (chunk: Buffer) => {
      text += chunk.toString();
      if (text.endsWith(this.mark)) onMark();
    };
    stream?.on('data', listener);
    const end = () => {
      stream?.off('data', listener);
      return text.replace(this.mark, '');
    };
    return { marked, end };
  }
}
