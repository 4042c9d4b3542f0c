import { appendFileSync, closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Answer } from './answer.js';
import type { SimulatedTask } from './task.js';

/** A submission that was accepted: its task, and what its key answers from now on. */
export interface KeptTask {
  task: SimulatedTask;
  key: string;
  /** The request's body, byte for byte. */
  text: string;
  answer: Answer;
}

/**
 * What a simulator has accepted, on disk: one that is started after it, or that runs beside it, knows the same tasks. A
 * real API does not forget what was paid because a client was killed. Uploads are not kept: they are short-lived in life, too.
 */
export class KeptTasks {
  #readBytes = 0;

  constructor(private readonly path: string) {}

  /** In one write, and before the answer goes out. */
  add(kept: KeptTask): void {
    // Line breaks on both sides: a line that a full disk cut off takes none along.
    appendFileSync(this.path, `\n${JSON.stringify(kept)}\n`);
  }

  /** What was added since the last look, by whomever. */
  news(): KeptTask[] {
    const text = this.#readOn();
    if (text === '') return [];
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    this.#readBytes += Buffer.byteLength(whole);
    return whole.split('\n').flatMap((line) => {
      const kept = parseKept(line);
      return kept === null ? [] : [kept];
    });
  }

  #readOn(): string {
    const file = openSync(this.path, 'a+');
    try {
      const bytes = fstatSync(file).size - this.#readBytes;
      if (bytes <= 0) return '';
      const buffer = Buffer.alloc(bytes);
      const read = readSync(file, buffer, 0, bytes, this.#readBytes);
      return buffer.toString('utf8', 0, read);
    } finally {
      closeSync(file);
    }
  }
}

/** Null for a line that was cut off. */
function parseKept(line: string): KeptTask | null {
  if (line === '') return null;
  try {
    const kept = JSON.parse(line) as KeptTask;
    // JSON has no infinity: such a task never ends.
    return {
      ...kept,
      task: { ...kept.task, endsAt: kept.task.endsAt ?? Number.POSITIVE_INFINITY },
    };
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
