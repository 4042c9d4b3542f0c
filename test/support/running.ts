import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { keepHeard } from './heard.js';

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A command that was started. */
export interface Running {
  processId: number;
  /** Resolves when it has ended. */
  finished: Promise<Finished>;
  /** What was printed so far. */
  output(): string;
  hasEnded(): boolean;
  /** Does nothing once it has ended. */
  kill(signal: NodeJS.Signals): void;
}

interface Begin {
  /** All that there is on stdin. */
  input: string;
  folder: string;
  environment: Record<string, string>;
}

/** A process that runs this one command. */
export function startProcess(parameters: string[], { input, folder, environment }: Begin): Running {
  const child = spawn(process.execPath, parameters, { cwd: folder, env: environment });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  child.stdin.end(input);
  const finished = once(child, 'close').then(([code, signal]) => {
    keepHeard(parameters.slice(1), { stdout, stderr });
    return {
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      stdout,
      stderr,
    };
  });
  return {
    processId: child.pid ?? 0,
    finished,
    output: () => stdout + stderr,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    kill: (signal) => child.kill(signal),
  };
}
