import pLimit from 'p-limit';
import type { BatchMeta } from '../../ledger/batch-meta.js';
import { decodeState } from '../../ledger/brief-state.js';
import { manifestPath, readManifest } from '../../results/manifest.js';
import { clientRequestId } from '../../shared/brief.js';
import type { Ledgers } from './ledgers.js';
import { readable } from './read-failures.js';

interface FoundBrief {
  batch: string;
  id: string;
  /** Its stage, or how it ended. */
  status: string;
}

export interface Findings {
  briefs: FoundBrief[];
  /** Why there may be more: enough were found, or it took too long. */
  stopped: 'enough' | 'too_long' | null;
}

const mostFound = 50;
const patienceMs = 5_000;
const atOnce = 1_000;
/** Searches side by side: whoever asks for more waits. */
const searches = pLimit(2);

interface Search {
  ledgers: Ledgers;
  /** As it was typed. */
  text: string;
  /** As it stands inside JSON, in lower case. */
  needle: string;
  deadlineMs: number;
  found: Map<string, FoundBrief>;
}

/**
 * Briefs by id, by the `client_request_id` that the API has of them, or by any text of theirs: prompt, parameters, columns,
 * task id, error. Ids of all briefs and texts of those that did not succeed yet are in the ledger, all others in the
 * manifests that are on this machine.
 */
export function findBriefs(ledgers: Ledgers, metas: BatchMeta[], text: string): Promise<Findings> {
  return searches(async () => {
    const search: Search = {
      ledgers,
      text,
      needle: JSON.stringify(text).slice(1, -1).toLowerCase(),
      deadlineMs: ledgers.clock.now() + patienceMs,
      found: new Map(),
    };
    await ledgers.inTime(() => findExactId(search, metas));
    for (const step of [findInLedger, findInManifest]) {
      for (const meta of metas) {
        if (stopReason(search) === null) await step(search, meta);
      }
    }
    const briefs = [...search.found.values()].slice(0, mostFound);
    return { briefs, stopped: stopReason(search) };
  });
}

function stopReason({ ledgers, deadlineMs, found }: Search): Findings['stopped'] {
  if (found.size >= mostFound) return 'enough';
  return ledgers.clock.now() > deadlineMs ? 'too_long' : null;
}

async function findExactId(search: Search, metas: BatchMeta[]): Promise<void> {
  const { text, ledgers } = search;
  const asked = metas.flatMap(({ name: batch }) => {
    const requested = requestedBrief(batch, text);
    return [text, ...(requested === null ? [] : [requested])].map((id) => ({ batch, id }));
  });
  const states = await Promise.all(
    asked.map(({ batch, id }) => ledgers.batch(batch).briefs.read(id)),
  );
  for (const [index, read] of states.entries()) {
    const brief = asked[index];
    if (read && brief) note(search, { ...brief, status: statusOf(read.text) });
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

async function findInLedger(search: Search, { name: batch }: BatchMeta): Promise<void> {
  const { state, content } = search.ledgers.batch(batch).keys;
  const isHashed = hashedRequestId.test(search.text);
  await scan(search, state, (id, text) => {
    const isIt = isHashed && clientRequestId(batch, id) === search.text;
    if (isIt || inJson(id).includes(search.needle)) {
      note(search, { batch, id, status: statusOf(text) });
    }
  });
  const ids: string[] = [];
  await scan(search, content, (id, text) => {
    if (text.toLowerCase().includes(search.needle)) ids.push(id);
  });
  for (let from = 0; from < ids.length && stopReason(search) === null; from += atOnce) {
    const chunk = ids.slice(from, from + atOnce);
    const states = await search.ledgers.redis.hmget(state, ...chunk);
    for (const [index, id] of chunk.entries()) {
      const text = states[index];
      if (text) note(search, { batch, id, status: statusOf(text) });
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
  } while (cursor !== '0' && stopReason(search) === null);
}

async function findInManifest(search: Search, { name: batch, out }: BatchMeta): Promise<void> {
  if (out === '' || !(await readable(manifestPath(out)))) return;
  // Once it is to stop, every row is wanted: the next one ends it.
  const isWanted = (row: string) =>
    stopReason(search) !== null || row.toLowerCase().includes(search.needle);
  for await (const found of readManifest(out, 0, isWanted)) {
    if (stopReason(search) !== null) return;
    if (found.kind !== 'line') continue;
    note(search, { batch, id: found.line.brief_id, status: found.line.status });
  }
}

function note({ found }: Search, brief: FoundBrief): void {
  const key = `${brief.batch}\n${brief.id}`;
  if (!found.has(key)) found.set(key, brief);
}

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1).toLowerCase();
}

function statusOf(stateText: string): string {
  const { state } = decodeState(stateText);
  return state.stage === 'lined' ? state.status : state.stage;
}
