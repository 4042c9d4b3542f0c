import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import pc from 'picocolors';
import { BatchError, ExitCode } from '../shared/errors.js';
import { type FailureGroup, groupFailures } from '../shared/group-failures.js';
import type { BatchMeta } from '../shared/ledger/batch-meta.js';
import { manifestLines } from '../shared/manifest-lines.js';
import { quoteName } from '../shared/quote-name.js';
import { hangingLines } from './hanging-lines.js';
import { lineWidth, type Terminal } from './terminal.js';

/** `status BATCH --failed`: why briefs did not succeed, and what can be done about it. */
export async function showFailures(
  terminal: Terminal,
  meta: BatchMeta,
  format: 'json' | 'table',
): Promise<ExitCode> {
  const path = await findManifest(meta);
  const unreadable: number[] = [];
  const groups = await groupFailures(manifestLines(path, (row) => unreadable.push(row)));
  if (unreadable.length > 0) {
    terminal.warn(
      `${unreadable.length} lines of ${path} cannot be read: "rivya-batch verify ${meta.out}" says more.`,
    );
  }
  const count = groups.reduce((sum, group) => sum + group.count, 0);
  if (format === 'json') {
    terminal.json({ batch: meta.name, not_succeeded: count, groups });
    return ExitCode.succeeded;
  }
  const left = meta.pending > 0 ? `; ${meta.pending} are left` : '';
  terminal.print(
    count === 0
      ? `Batch ${meta.name}: no brief failed${left}.`
      : `Batch ${meta.name}: ${count} of ${meta.admitted} briefs did not succeed${left}.`,
  );
  for (const group of groups) printGroup(terminal, group);
  return ExitCode.succeeded;
}

function printGroup(terminal: Terminal, group: FailureGroup): void {
  const { code, count, statuses, example, remedy } = group;
  const ends = Object.entries(statuses).map(([status, number]) => `${number} ${status}`);
  const request = example.request_id === null ? '' : ` (request ${example.request_id})`;
  const message = example.message === '' ? '' : `: ${example.message}`;
  const paint = statuses.failed ? pc.red : pc.yellow;
  terminal.print(`\n${count} x ${paint(code)} (${ends.join(', ')})`);
  for (const text of [`such as ${quoteName(example.brief_id)}${message}${request}`, remedy]) {
    for (const line of hangingLines('  ', text, lineWidth(terminal))) terminal.print(line);
  }
}

/** @throws BatchError `bad_input` where the results are not on this machine */
async function findManifest({ name, out, lines }: BatchMeta): Promise<string> {
  if (out === '') {
    throw new BatchError(
      'bad_input',
      `Batch ${name} leaves its folder to the workers, so it is not known here where its lines are.`,
    );
  }
  const path = join(out, 'manifest.jsonl');
  const written = Object.values(lines).some((count) => count > 0);
  if (written && !(await stat(path).catch(() => null))) {
    throw new BatchError(
      'bad_input',
      `There is no ${path} on this machine: ask on the one that collects the results of batch ${name}.`,
    );
  }
  return path;
}
