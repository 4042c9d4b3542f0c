import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { contentFingerprint } from '../shared/brief.js';
import type { JournalContent } from '../shared/journal.js';
import type { JsonObject } from '../shared/json.js';
import type { BatchLedger } from '../shared/ledger/batch-ledger.js';
import { encodeState } from '../shared/ledger/brief-state.js';
import type { AdoptedLine } from '../shared/ledger/recovery-ledger.js';
import { parseManifestLine } from '../shared/manifest-file.js';
import type { ManifestLine } from '../shared/manifest-line.js';
import { readLines } from '../shared/read-lines.js';
import { itemUrls } from '../shared/reference-items.js';
import { EarlierRuns } from './earlier-runs.js';

export type Adoption =
  | { kind: 'none' }
  /** `earliest`: when the first of the adopted briefs was admitted, in ms. */
  | { kind: 'adopted'; count: number; earliest: number };

const linesAtOnce = 500;

/**
 * Takes over the manifest of a batch whose Redis state is gone: what has a line is finished and is not paid
 * again (S1). Safe to repeat; a torn last line is cut off, because its brief goes through once more.
 */
export async function adoptManifest(
  ledger: BatchLedger,
  out: string,
  journal: JournalContent | null,
): Promise<Adoption> {
  const path = join(out, 'manifest.jsonl');
  let adopted: AdoptedLine[] = [];
  let count = 0;
  let earliest = Number.POSITIVE_INFINITY;
  let end = 0;
  let torn = false;
  const runs = new EarlierRuns();
  for await (const line of readLines(path)) {
    torn = line.end === 'torn';
    if (torn) break;
    end = line.offset + line.length;
    const manifestLine = parseManifestLine(line.text, path);
    adopted.push(adoptedLine(manifestLine));
    runs.add(manifestLine);
    earliest = Math.min(earliest, Date.parse(manifestLine.times.admitted));
    count += 1;
    if (adopted.length < linesAtOnce) continue;
    await ledger.recovery.adopt(adopted);
    adopted = [];
  }
  if (adopted.length > 0) await ledger.recovery.adopt(adopted);
  if (torn) await truncate(path, end);
  await ledger.recovery.endAdoption(await runs.sumUp(out, { offset: end, journal }));
  return count === 0 ? { kind: 'none' } : { kind: 'adopted', count, earliest };
}

function adoptedLine(line: ManifestLine): AdoptedLine {
  const { brief_id: id, attempt, seq, status, credits, assets, run } = line;
  const fingerprint = fingerprintOf(line);
  const [asset] = assets;
  return {
    id,
    state: encodeState({
      stage: 'lined',
      attempt,
      fingerprint,
      seq,
      status,
      run: run ?? undefined,
    }),
    status,
    charged: status === 'unknown' ? 0 : (credits.final ?? credits.reserved ?? 0),
    // One that did not succeed may be retried, and needs its content for that.
    content: status === 'succeeded' ? '' : contentOf(line),
    canonicalName: asset ? canonicalAssetName(asset.path) : '',
    run,
  };
}

/** References stand in the params of the body, and beside them in the fingerprint. */
export function fingerprintOf({ model, prompt, params, references }: ManifestLine): string {
  const { referenceMediaItems: _items, ...others } = params;
  const given = references.length > 0;
  return contentFingerprint({
    model,
    prompt,
    params: given ? others : params,
    // Not as given: what counts of a file is its content.
    references: given ? itemUrls(params) : [],
  });
}

function contentOf(line: ManifestLine): string {
  const { row, source, references, metadata, input, model, prompt, params } = line;
  const body: JsonObject = { model };
  if (prompt !== null) body.prompt = prompt;
  if (Object.keys(params).length > 0) body.params = params;
  const { name } = line;
  const origin = {
    ...(name === undefined ? {} : { name }),
    row,
    source,
    references,
    metadata,
    input,
  };
  return `${JSON.stringify(origin)}\n${JSON.stringify(body)}`;
}

/**
 * `assets/ABC~2.png` -> `abc`: the name that this brief has taken, without regard to case; '' where it only has that
 * with a suffix of its own, because another brief has taken it.
 */
function canonicalAssetName(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1).replace(/\.[^.]*$/, '');
  if (/^[^~]*~[0-9a-f]{10}(~|$)/.test(name)) return '';
  return name.replace(/~.*$/s, '').toLowerCase().toUpperCase().toLowerCase();
}
