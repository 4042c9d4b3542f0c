import { type FileHandle, open } from 'node:fs/promises';
import type { Verdict } from '../ledger/result-ledger.js';
import type { ManifestLine } from '../shared/manifest-line.js';
import {
  type Decision,
  decidedHash,
  decisionsPath,
  judgeDecision,
  verdicts,
  walkDecisions,
} from './decisions.js';
import { SpanIndex } from './manifest.js';

/** What counts of the decisions on a line. */
interface LatestDecision extends Pick<Decision, 'note' | 'prompt' | 'at'> {
  decision: Verdict;
}

/** What was said last of each brief and attempt, notes and all; in memory is only where it stands. */
export class LatestDecisions {
  private constructor(
    private readonly out: string,
    private readonly spans: SpanIndex,
    private readonly isEmpty: boolean,
  ) {}

  /** An absent file has none; rows that cannot be read are passed over. */
  static async read(out: string): Promise<LatestDecisions> {
    const spans = new SpanIndex();
    let isEmpty = true;
    for await (const found of walkDecisions(decisionsPath(out))) {
      if (found.kind !== 'decision') continue;
      spans.set(keyOf(found.decision), found);
      isEmpty = false;
    }
    return new LatestDecisions(out, spans, isEmpty);
  }

  async open(): Promise<OpenDecisions> {
    return new OpenDecisions(this.spans, this.isEmpty ? null : await open(decisionsPath(this.out)));
  }
}

function keyOf({ brief_id: id, attempt }: Pick<Decision, 'brief_id' | 'attempt'>): string {
  return `${attempt} ${id}`;
}

class OpenDecisions {
  constructor(
    private readonly spans: SpanIndex,
    private readonly file: FileHandle | null,
  ) {}

  /** What counts of a line; null where nothing was said, or of another file. */
  async on(line: ManifestLine): Promise<LatestDecision | null> {
    const sha256 = decidedHash(line);
    const span = sha256 === null ? null : this.spans.find(keyOf(line));
    if (span === null || this.file === null) return null;
    const { buffer } = await this.file.read(Buffer.alloc(span.length), 0, span.length, span.offset);
    const judged = judgeDecision(buffer.toString('utf8'));
    if (judged.kind !== 'decision' || judged.decision.sha256 !== sha256) return null;
    const { note, prompt, at, decision } = judged.decision;
    const verdict = verdicts.find((one) => one === decision);
    return verdict === undefined ? null : { decision: verdict, note, prompt, at };
  }

  async close(): Promise<void> {
    await this.file?.close();
  }
}
