import { join } from 'node:path';
import type { JournalContent } from './journal.js';
import { judgeLine } from './judge-line.js';
import type { EarlierLife } from './ledger/recovery-ledger.js';
import type { ManifestLine } from './manifest-line.js';
import { readLines } from './read-lines.js';
import { chargedFor } from './verify/manifest-tally.js';

/** Gathers what the lines of a manifest tell of its batch's runs, while they are taken over. */
export class EarlierRuns {
  private takenOver = 0;
  private readonly earliest = new Map<number, number>();

  add({ run, from, times }: ManifestLine): void {
    if (from !== null) this.takenOver += 1;
    if (run === null) return;
    const at = Date.parse(times.admitted);
    this.earliest.set(run, Math.min(at, this.earliest.get(run) ?? at));
  }

  /** With what journal and history have to say. */
  async sumUp(out: string, journal: JournalContent | null): Promise<EarlierLife> {
    const runTimes = new Map(this.earliest);
    let forcedRun: number | null = null;
    for (const { run, at, forced } of journal?.runs ?? []) {
      runTimes.set(run, at);
      forcedRun = forced ? run : null;
    }
    return {
      historyCharged: journal ? await historyCharged(out, journal.header.createdAt) : 0,
      takenOver: this.takenOver,
      lastRun: Math.max(0, ...runTimes.keys()),
      forcedRun,
      generation: journal?.manifest ?? 0,
      runTimes,
    };
  }
}

/** Lines of the time before a fresh start are in the history too: they are no cost of this life (S6). */
async function historyCharged(out: string, sinceMs: number): Promise<number> {
  let charged = 0;
  for await (const { text } of readLines(join(out, 'history.jsonl'))) {
    const judged = judgeLine(text);
    if (judged.kind === 'unreadable') continue;
    if (Date.parse(judged.line.times.admitted) >= sinceMs) charged += chargedFor(judged.line);
  }
  return charged;
}
