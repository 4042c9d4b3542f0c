import { join } from 'node:path';
import { quoteName } from '../quote-name.js';
import type { RunReport } from '../run-report.js';
import { linesReported, missingLines } from './check-counts.js';
import type { Findings } from './finding.js';
import type { ManifestTally } from './manifest-tally.js';
import { readTable } from './read-table.js';

export interface TableCheck {
  folder: string;
  report: RunReport;
  tally: ManifestTally;
  findings: Findings;
}

const path = 'manifest.csv';

/**
 * The table against `run.json`, and lines that are missing from the manifest: the table, which has a row for
 * each line of a finished batch, knows which briefs they were of.
 */
export async function checkTable({ folder, report, tally, findings }: TableCheck): Promise<void> {
  const table = await readTable(join(folder, path), (briefId) => tally.hasBrief(briefId));
  reportMissing({ report, tally, findings }, table.kind === 'read' ? table.unknownIds : []);
  // Until a batch has finished there is none, or one of an earlier end.
  if (report.state !== 'finished') return;
  switch (table.kind) {
    case 'absent':
      findings.problem('table_missing', `The batch is finished and has no ${path}.`, { path });
      return;
    case 'unreadable':
      findings.problem('table_unreadable', `${path} cannot be read (${table.reason}).`, { path });
      return;
    case 'read': {
      const lines = linesReported(report);
      if (table.rows === lines) return;
      const message = `${path} has ${table.rows} rows under its header, and the batch ${lines} lines.`;
      findings.problem('table_differs', message, { path });
      return;
    }
    default:
      table satisfies never;
  }
}

function reportMissing(
  { report, tally, findings }: { report: RunReport; tally: ManifestTally; findings: Findings },
  onlyInTable: readonly string[],
): void {
  const missing = missingLines(report, tally);
  if (missing === 0) return;
  // More than are missing means that ids were changed in the table: then it names nobody.
  const named = onlyInTable.length <= missing ? onlyInTable : [];
  for (const briefId of named) {
    const message = `Brief ${quoteName(briefId)} has no line in manifest.jsonl; run.json counts one, and ${path} has it.`;
    findings.problem('line_missing', message, { brief_id: briefId, path: 'manifest.jsonl' });
  }
  if (missing === named.length) return;
  const message = `run.json speaks of ${linesReported(report)} lines, manifest.jsonl has ${tally.lines}: ${missing - named.length} more are missing than can be named.`;
  findings.problem('line_missing', named.length > 0 ? message : unnamed(report, tally), {
    path: 'manifest.jsonl',
  });
}

function unnamed(report: RunReport, tally: ManifestTally): string {
  return `run.json speaks of ${linesReported(report)} lines, manifest.jsonl has ${tally.lines}: ${missingLines(report, tally)} missing.`;
}
