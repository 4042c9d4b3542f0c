import { join } from 'node:path';
import { judgeLine } from '../judge-line.js';
import type { Asset, ManifestLine } from '../manifest-line.js';
import { quoteName } from '../quote-name.js';
import { readLines } from '../read-lines.js';
import type { Findings } from './finding.js';
import type { ManifestTally } from './manifest-tally.js';

export interface NamedAsset {
  asset: Asset;
  briefId: string;
  /** Of the manifest. */
  row: number;
}

const path = 'manifest.jsonl';

/** Counts the manifest's lines, reports those that are not as they should be, and yields each file that they name. */
export async function* walkManifest(
  folder: string,
  tally: ManifestTally,
  findings: Findings,
): AsyncGenerator<NamedAsset> {
  let row = 0;
  for await (const { text, end } of readLines(join(folder, path))) {
    row += 1;
    if (end === 'torn') {
      tally.tornRow = row;
      return;
    }
    if (text === '') continue;
    const judged = judgeLine(text);
    if (judged.kind === 'line') {
      yield* countLine(judged.line, row, { tally, findings });
      continue;
    }
    tally.unreadable += 1;
    const message = `Line ${row} of ${path} cannot be read (${judged.reason}).`;
    findings.problem('line_unreadable', message, { path, row });
  }
}

function* countLine(
  line: ManifestLine,
  row: number,
  { tally, findings }: { tally: ManifestTally; findings: Findings },
): Generator<NamedAsset> {
  const briefId = line.brief_id;
  const place = { brief_id: briefId, row };
  const counted = tally.add(line, row);
  if (counted.kind === 'twice') {
    const message = `Brief ${quoteName(briefId)} has a second line, on row ${row}; the first is on row ${counted.firstRow}.`;
    findings.problem('line_twice', message, { ...place, path });
  }
  for (const asset of line.assets) {
    const namer = tally.claim(asset.path, briefId);
    // A second line of the same brief is reported as that; its files were looked at with the first.
    if (namer === briefId && counted.kind === 'twice') continue;
    if (namer !== null) {
      const message = `${quoteName(asset.path)} is named by brief ${quoteName(namer)} and by brief ${quoteName(briefId)}; on some systems names that differ only in case are one file.`;
      findings.problem('asset_shared', message, { ...place, path: asset.path });
    }
    yield { asset, briefId, row };
  }
}
