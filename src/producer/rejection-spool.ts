import type { Rejection } from './rejection.js';
import type { Spool } from './spool.js';

/** Faults go to disk as well: a million bad rows must not live in memory. */
export function spoolRejection(spool: Spool, rejection: Rejection): void {
  spool.add(`${JSON.stringify(rejection)}\n`);
}

export async function* readRejections(spool: Spool): AsyncGenerator<Rejection> {
  for await (const lines of spool.lines()) {
    for (const line of lines) yield JSON.parse(line) as Rejection;
  }
}
