import { realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BatchError } from '../../shared/errors.js';
import { fileNames } from '../file-names.js';
import { manifestPath } from '../manifest.js';
import { mirrorAt } from '../mirror.js';
import type { RunReport } from '../run-report.js';
import { checkAsset, findLeftOver } from './check-assets.js';
import {
  checkCredits,
  checkLines,
  checkSum,
  checkTorn,
  type History,
  linesReported,
  ManifestTally,
  missingLines,
  readReport,
  sumHistory,
  walkManifest,
} from './check-manifest.js';
import { checkRejected, checkTable } from './check-tables.js';
import { Findings, type Problem, type Warning } from './findings.js';

/** `assets` are files that were read to their end, also where the hash differs; `bytes` is what was hashed. */
export interface Checked {
  lines: number;
  assets: number;
  bytes: number;
}

/** What `verify --json` prints: the fields are a contract with users' scripts. */
export interface Verification {
  /** Whether S4 and S5 hold; warnings do not count against it. */
  ok: boolean;
  batch: string | null;
  /** Null where there is no `run.json` to say so. */
  state: RunReport['state'] | null;
  pending: number | null;
  checked: Checked;
  problems: Problem[];
  warnings: Warning[];
}

/** Enough to keep a disk busy while one file is opened; hashing itself is one processor's work. */
const filesAtOnce = 4;

/**
 * Proves S4 and S5 from a results folder alone: every file that a line names is read and hashed again, and
 * all counts are compared. Changes nothing. Memory: some 60 bytes for a line with a file (`ManifestTally`), and what is found.
 * `checked` is counted up on the way, for whoever shows progress.
 * @throws BatchError `bad_input` where the folder holds no results, `output_unusable` where its records
 *   cannot be read
 */
export async function verifyFolder(
  folder: string,
  checked: Checked = { lines: 0, assets: 0, bytes: 0 },
): Promise<Verification> {
  try {
    return await verifyResults(await openResults(folder), checked);
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    if (error instanceof BatchError || typeof code !== 'string') throw error;
    const message = `${path ?? folder} cannot be read (${code}).`;
    throw new BatchError('output_unusable', message, { cause: error });
  }
}

async function verifyResults(root: string, checked: Checked): Promise<Verification> {
  const findings = new Findings();
  const tally = new ManifestTally();
  const report = await readReport(root, findings);
  await checkFiles(root, tally, findings, checked);
  const history = await sumHistory(root);
  await findLeftOver(root, { tally, history }, findings);
  await checkRecords(root, report, { tally, history, findings });
  const { problems, warnings } = findings;
  return {
    ok: problems.length === 0,
    batch: report?.batch ?? tally.batch,
    state: report?.state ?? null,
    pending: report?.counts.pending ?? null,
    checked,
    problems,
    warnings,
  };
}

async function openResults(folder: string): Promise<string> {
  if (!(await stat(folder).catch(() => null))?.isDirectory()) {
    throw new BatchError('bad_input', `There is no folder ${folder}.`);
  }
  for (const path of [manifestPath(folder), join(folder, fileNames.report)]) {
    if (await exists(path)) return realpath(folder);
  }
  throw new BatchError(
    'bad_input',
    `${folder} is not a results folder: it has neither ${fileNames.manifest} nor ${fileNames.report}.`,
  );
}

async function checkFiles(
  root: string,
  tally: ManifestTally,
  findings: Findings,
  checked: Checked,
): Promise<void> {
  const onBytes = (bytes: number) => {
    checked.bytes += bytes;
  };
  const mirror = await mirrorAt(root);
  const named = walkManifest(root, tally, findings);
  // Several readers of one generator: each takes the next file when it is done with its last.
  const reader = async () => {
    for await (const { asset, briefId, row } of named) {
      const verdict = await checkAsset(asset, { root, mirror, onBytes });
      checked.lines = tally.lines;
      if (verdict.kind === 'whole' || verdict.code === 'asset_hash_differs') checked.assets += 1;
      if (verdict.kind === 'whole') continue;
      const position = { brief_id: briefId, path: asset.path, row };
      findings.problem(verdict.code, verdict.why, position);
    }
  };
  await Promise.all(Array.from({ length: filesAtOnce }, reader));
  checked.lines = tally.lines;
}

async function checkRecords(
  root: string,
  report: RunReport | null,
  { tally, history, findings }: { tally: ManifestTally; history: History; findings: Findings },
): Promise<void> {
  checkTorn(report, tally, findings);
  if (!report) return;
  checkSum(report, findings);
  if (report.state === 'unfinished') {
    const message = `The batch is not finished: ${report.counts.pending} briefs have no line yet. The same command again goes on with it.`;
    findings.warning('unfinished', message, { path: fileNames.report });
  }
  if (linesReported(report) > 0 && !(await exists(manifestPath(root)))) {
    const message = `There is no ${fileNames.manifest}, and ${fileNames.report} says ${linesReported(report)} lines.`;
    findings.problem('manifest_missing', message, { path: fileNames.manifest });
    return;
  }
  checkLines(report, tally, findings);
  await checkTable(root, report, tally, findings);
  // While briefs are being admitted, what was rejected is not in run.json yet.
  if (report.state === 'unfinished') return;
  await checkRejected(root, report, findings);
  const complete = tally.lines === linesReported(report) && missingLines(report, tally) === 0;
  if (complete) checkCredits(report, tally, { findings, historyCharged: history.charged });
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
