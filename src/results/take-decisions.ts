import { stat } from 'node:fs/promises';
import { BatchError } from '../shared/errors.js';
import type { ManifestLine } from '../shared/manifest-line.js';
import { hexWords, TextIndex } from '../shared/text-index.js';
import {
  appendDecisions,
  type Decision,
  decidedHash,
  decisionsPath,
  decisionText,
  type Saying,
  sayings,
  walkDecisions,
} from './decisions.js';
import { readManifest, refreshTable } from './manifest.js';

/** Why a row of a file of decisions is not taken. */
export type LeftOutBecause =
  | 'unreadable'
  /** The folder has no line of this brief. */
  | 'unknown_brief'
  /** It is about an earlier attempt, or a later one, than the folder has. */
  | 'other_attempt'
  /** It is about another file than the folder has of this attempt. */
  | 'other_file';

export interface LeftOutReason {
  because: LeftOutBecause;
  /** For people; ends a sentence that begins with the decision. */
  reason: string;
}

export interface LeftOut {
  count: number;
  first: { row: number; brief_id: string | null; reason: string }[];
}

/** What `review --take --json` prints. */
export interface TakenDecisions {
  taken: Record<Saying, number>;
  /** Rows that the folder had before, word for word. */
  known: number;
  left_out: Partial<Record<LeftOutBecause, LeftOut>>;
}

/** Of each reason. */
const firstNamed = 5;

/**
 * Takes the decisions of a file over into a folder: those that are about a file which is in its manifest, and that it
 * does not have yet. Memory: some 35 to 45 bytes for a line of the manifest, 20 to 25 for a decision that is there.
 * @throws BatchError `bad_input` for a file that is not there, or that holds no decision at all
 */
export async function takeDecisions(out: string, path: string): Promise<TakenDecisions> {
  await requireFile(path);
  const result: TakenDecisions = {
    taken: { approved: 0, rejected: 0, again: 0, undecided: 0 },
    known: 0,
    left_out: {},
  };
  await appendDecisions(out, async function* () {
    const briefs = await DecidedBriefs.read(out);
    const texts = new TextIndex(0);
    for await (const found of walkDecisions(decisionsPath(out))) {
      if (found.kind === 'decision') texts.claim(decisionText(found.decision));
    }
    for await (const found of walkDecisions(path)) {
      const { row } = found;
      if (found.kind === 'unreadable') {
        leaveOut(result, 'unreadable', { row, brief_id: null, reason: found.reason });
        continue;
      }
      const { decision } = found;
      const fault = briefs.faultOf(decision);
      if (fault !== null) {
        const { because, reason } = fault;
        leaveOut(result, because, { row, brief_id: decision.brief_id, reason });
      } else if (texts.claim(decisionText(decision)).kind === 'known') result.known += 1;
      else {
        result.taken[decision.decision] += 1;
        yield decision;
      }
    }
  });
  refuseNothing(path, result);
  if (takenOf(result) > 0) await refreshTable(out);
  return result;
}

/** How many were taken, whatever they say. */
export function takenOf({ taken }: Pick<TakenDecisions, 'taken'>): number {
  return sayings.reduce((sum, saying) => sum + taken[saying], 0);
}

async function requireFile(path: string): Promise<void> {
  const found = await stat(path).catch(() => null);
  if (found?.isFile()) return;
  const why = found === null ? 'no such file' : 'is not a file';
  throw new BatchError('bad_input', `${path}: ${why}.`);
}

function leaveOut(
  { left_out: all }: TakenDecisions,
  because: LeftOutBecause,
  one: LeftOut['first'][number],
): void {
  const known = all[because] ?? { count: 0, first: [] };
  all[because] = known;
  known.count += 1;
  if (known.first.length < firstNamed) known.first.push(one);
}

/** A picture, or a table, that was named by mistake is said to be none, instead of being told line by line. */
function refuseNothing(path: string, result: TakenDecisions): void {
  const { unreadable, ...others } = result.left_out;
  const read = result.known + takenOf(result) + Object.keys(others).length;
  if (unreadable === undefined || read > 0) return;
  const [first] = unreadable.first;
  throw new BatchError(
    'bad_input',
    `${path} has no decision that can be read (line ${first?.row}: ${first?.reason}). Nothing was taken: give the file that the review page saved.`,
  );
}

/** Of a hash, as much as tells two files of one brief apart. */
const hashWords = 3;

/** The briefs of a manifest, each with its attempt and its first file: some 35 to 45 bytes for each. */
export class DecidedBriefs {
  private readonly index = new TextIndex(2 + hashWords);
  private readonly wanted = new Uint32Array(hashWords);

  static async read(out: string): Promise<DecidedBriefs> {
    const briefs = new DecidedBriefs();
    for await (const found of readManifest(out)) {
      if (found.kind === 'line') briefs.add(found.line);
    }
    return briefs;
  }

  add(line: ManifestLine): void {
    const sha256 = decidedHash(line);
    const { words } = this.index.claim(line.brief_id);
    words.set([line.attempt, sha256 === null ? 0 : 1]);
    if (sha256 !== null) hexWords(sha256, words.subarray(2));
  }

  /** Null for a decision about a file that the manifest has. */
  faultOf({
    brief_id: id,
    attempt,
    sha256,
  }: Pick<Decision, 'brief_id' | 'attempt' | 'sha256'>): LeftOutReason | null {
    const words = this.index.find(id);
    if (words === null) return { because: 'unknown_brief', reason: 'this batch has no such brief' };
    const [here, hasFile] = words;
    if (here !== attempt) {
      const reason = `it is about attempt ${attempt}, and the latest attempt is ${here}`;
      return { because: 'other_attempt', reason };
    }
    if (hasFile === 0) return { because: 'other_file', reason: 'it has no file' };
    hexWords(sha256, this.wanted);
    if (this.wanted.every((word, at) => word === words[2 + at])) return null;
    return {
      because: 'other_file',
      reason: 'it is about another file than the one in this folder',
    };
  }
}
