import pLimit from 'p-limit';
import type { BatchMeta } from '../../ledger/batch-meta.js';
import { decodeState, standingOf } from '../../ledger/brief-state.js';
import { manifestPath, readManifest } from '../../results/manifest.js';
import { wordsOf } from '../../review/find-briefs.js';
import { clientRequestId, parseContent } from '../../shared/brief.js';
import type { ManifestLine } from '../../shared/manifest-line.js';
import type { Ledgers } from './ledgers.js';
import { readable } from './read-failures.js';

export interface FoundBrief {
  batch: string;
  id: string;
  /** Its stage, or how it ended. */
  status: string;
  /** Null where neither ledger nor a manifest of this machine has it. */
  prompt: string | null;
  /** When it ended, or else was admitted, in ms since the epoch; null likewise. */
  atMs: number | null;
  /** Null where it has none, or none on this machine. */
  line: ManifestLine | null;
}

/** What is looked for; all that is given has to hold. */
export interface Wanted {
  /** Words that stand somewhere in what is known of it, whatever their case; or an id, or a `client_request_id`. */
  text: string;
  /** How it ended, or `open` for what has no line yet; '' for any. */
  status: string;
}

export interface Findings {
  /** The latest first. */
  briefs: FoundBrief[];
  /** Why there may be more: enough were found, or it took too long. */
  stopped: 'enough' | 'too_long' | null;
  /** Batches with results that are not on this machine: of what succeeded there, the ledger knows the ids alone. */
  elsewhere: string[];
}

const mostFound = 50;
const patienceMs = 5_000;
const atOnce = 1_000;
const batchesAtOnce = 100;
/** Searches side by side: whoever asks for more waits. */
const searches = pLimit(2);

class Search {
  readonly found = new Map<string, FoundBrief>();
  readonly elsewhere: string[] = [];
  /** As they stand inside JSON, in lower case. */
  readonly needles: readonly string[];
  private readonly deadlineMs: number;

  constructor(
    readonly ledgers: Ledgers,
    readonly wanted: Wanted,
  ) {
    this.needles = wordsOf(wanted.text).map(inJson);
    this.deadlineMs = ledgers.clock.now() + patienceMs;
  }

  get stopped(): Findings['stopped'] {
    if (this.found.size >= mostFound) return 'enough';
    return this.isLate ? 'too_long' : null;
  }

  get isLate(): boolean {
    return this.ledgers.clock.now() > this.deadlineMs;
  }

  hasWords(text: string): boolean {
    const lower = text.toLowerCase();
    return this.needles.every((needle) => lower.includes(needle));
  }

  hasStatus(status: string, isOpen: boolean): boolean {
    const { status: wanted } = this.wanted;
    return wanted === '' || (isOpen ? wanted === 'open' : wanted === status);
  }

  noteState(batch: string, id: string, stateText: string): void {
    const { state } = decodeState(stateText);
    if (!this.hasStatus(standingOf(state), state.stage !== 'lined')) return;
    const atMs = state.stage === 'lined' ? null : state.admittedAt;
    const known = { batch, id, status: standingOf(state), prompt: null, atMs, line: null };
    if (this.found.size < mostFound && this.of(batch, id) === undefined) {
      this.found.set(keyOf(batch, id), known);
    }
  }

  /** What a line says counts, whatever was known before: it is the whole of it. */
  noteLine(batch: string, line: ManifestLine): void {
    const { brief_id: id, status, prompt, times } = line;
    const known = this.of(batch, id);
    if (known === undefined && this.found.size >= mostFound) return;
    // It is being made again: this is about the attempt before.
    if (known !== undefined && known.status !== status) return;
    const at = times.collected ?? times.completed ?? times.submitted ?? times.admitted;
    this.found.set(keyOf(batch, id), { batch, id, status, prompt, atMs: Date.parse(at), line });
  }

  of(batch: string, id: string): FoundBrief | undefined {
    return this.found.get(keyOf(batch, id));
  }
}

/**
 * Briefs by id, by the `client_request_id` that the API has of them, or by words of theirs (prompt, parameters, columns, task
 * id, error), and by how they ended. Ids of all briefs and texts of those that did not succeed yet are in the ledger, all
 * others, with what became of them, in the manifests that are on this machine.
 * @param metas the batches to look through, in that order
 */
export function findBriefs(
  ledgers: Ledgers,
  metas: readonly BatchMeta[],
  wanted: Wanted,
): Promise<Findings> {
  return searches(async () => {
    const search = new Search(ledgers, wanted);
    await findExactId(search, metas);
    for (const meta of metas) if (search.stopped === null) await findInLedger(search, meta);
    // Enough or not: what was found is told in full, and that is in the manifests.
    for (const meta of metas) if (!search.isLate) await findInManifest(search, meta);
    await addPrompts(search);
    const briefs = [...search.found.values()].sort(
      (left, right) => (right.atMs ?? 0) - (left.atMs ?? 0),
    );
    return { briefs, stopped: search.stopped, elsewhere: search.elsewhere };
  });
}

async function findExactId(search: Search, metas: readonly BatchMeta[]): Promise<void> {
  const { ledgers, wanted } = search;
  const text = wanted.text.trim();
  if (text === '') return;
  for (let from = 0; from < metas.length && search.stopped === null; from += batchesAtOnce) {
    const asked = metas.slice(from, from + batchesAtOnce).flatMap(({ name: batch }) => {
      const requested = requestedBrief(batch, text);
      return [text, ...(requested === null ? [] : [requested])].map((id) => ({ batch, id }));
    });
    const states = await ledgers.inTime(() =>
      Promise.all(asked.map(({ batch, id }) => ledgers.batch(batch).briefs.read(id))),
    );
    for (const [index, read] of states.entries()) {
      const brief = asked[index];
      if (read && brief) search.noteState(brief.batch, brief.id, read.text);
    }
  }
}

/** The brief of a batch that has this `client_request_id`; null for none, and for one that was too long to be told from it. */
function requestedBrief(batch: string, text: string): string | null {
  const head = clientRequestId(batch, '');
  if (!text.startsWith(head)) return null;
  try {
    const id = decodeURIComponent(text.slice(head.length));
    return clientRequestId(batch, id) === text ? id : null;
  } catch (error) {
    if (error instanceof URIError) return null;
    throw error;
  }
}

/** One that was too long ends with a hash: which brief it is of is seen by making it anew of each id. */
const hashedRequestId = /^[!-~]{100,}~[0-9a-f]{16}$/;

async function findInLedger(search: Search, { name: batch, shelved }: BatchMeta): Promise<void> {
  if (shelved) return;
  const { state, content } = search.ledgers.batch(batch).keys;
  const text = search.wanted.text.trim();
  const isHashed = hashedRequestId.test(text);
  await scan(search, state, (id, stateText) => {
    const isIt = isHashed && clientRequestId(batch, id) === text;
    if (isIt || search.hasWords(inJson(id))) search.noteState(batch, id, stateText);
  });
  // What has succeeded is not in it, and without words every id was looked at.
  if (search.wanted.status === 'succeeded' || search.needles.length === 0) return;
  const ids: string[] = [];
  await scan(search, content, (id, contentText) => {
    if (search.hasWords(`${inJson(id)} ${contentText}`)) ids.push(id);
  });
  for (let from = 0; from < ids.length && search.stopped === null; from += atOnce) {
    const chunk = ids.slice(from, from + atOnce);
    const states = await search.ledgers.redis.hmget(state, ...chunk);
    for (const [index, id] of chunk.entries()) {
      const stateText = states[index];
      if (stateText) search.noteState(batch, id, stateText);
    }
  }
}

async function scan(
  search: Search,
  key: string,
  look: (id: string, text: string) => void,
): Promise<void> {
  const { ledgers } = search;
  let cursor = '0';
  do {
    const [next, fields] = await ledgers.inTime(() =>
      ledgers.redis.hscan(key, cursor, 'COUNT', atOnce),
    );
    cursor = next;
    for (let index = 0; index < fields.length; index += 2) {
      look(fields[index] ?? '', fields[index + 1] ?? '');
    }
  } while (cursor !== '0' && search.stopped === null);
}

/** Looks for more, and for the lines of what the ledger has named. */
async function findInManifest(search: Search, meta: BatchMeta): Promise<void> {
  const { name: batch, out } = meta;
  const named = [...search.found.values()].filter((found) => {
    return found.batch === batch && isOver(found);
  });
  const missing = new Map(named.map(({ id }) => [JSON.stringify(id), id]));
  if (search.wanted.status === 'open' || (search.stopped !== null && missing.size === 0)) return;
  if (out === '' || !(await readable(manifestPath(out)))) {
    if (meta.lines.succeeded > 0) search.elsewhere.push(batch);
    return;
  }
  const isMissing = (row: string) => [...missing.keys()].some((needle) => row.includes(needle));
  const isFound = (row: string) => search.stopped === null && search.hasWords(row);
  const isDone = () => search.isLate || (search.stopped !== null && missing.size === 0);
  // Once it is to stop, every row is wanted: the next one ends it.
  const isWanted = (row: string) => isDone() || isMissing(row) || isFound(row);
  for await (const found of readManifest(out, 0, isWanted)) {
    if (isDone()) return;
    if (found.kind !== 'line') continue;
    const { line } = found;
    const isNamed = search.of(batch, line.brief_id) !== undefined;
    if (!isNamed && !search.hasStatus(line.status, false)) continue;
    search.noteLine(batch, line);
    missing.delete(JSON.stringify(line.brief_id));
  }
}

/** Of those without a line on this machine, as far as the ledger has it. */
async function addPrompts({ ledgers, found }: Search): Promise<void> {
  const without = [...found.values()].filter(({ prompt }) => prompt === null);
  await ledgers.inTime(() =>
    Promise.all(
      without.map(async (brief) => {
        const content = await ledgers.batch(brief.batch).briefs.readContent(brief.id);
        if (content !== null) brief.prompt = parseContent(content).request.prompt ?? null;
      }),
    ),
  );
}

const ends = new Set(['succeeded', 'failed', 'unknown', 'cancelled']);

function isOver({ status }: FoundBrief): boolean {
  return ends.has(status);
}

function keyOf(batch: string, id: string): string {
  return `${batch}\n${id}`;
}

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1).toLowerCase();
}
