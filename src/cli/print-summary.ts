import { relative } from 'node:path';
import pc from 'picocolors';
import { BatchError, ExitCode } from '../shared/errors.js';
import type { BatchMeta } from '../shared/ledger/batch-meta.js';
import { runReport } from '../shared/run-report.js';
import { type Audit, auditSentence } from './audit-credits.js';
import { cancelledSentence } from './cancelled-batch.js';
import type { CommandSetup } from './command-setup.js';
import type { RunBatch } from './open-run-batch.js';
import { formatCredits } from './show-progress.js';
import type { RunEnd } from './watch-run.js';

export interface RunOutcome {
  opened: RunBatch;
  end: RunEnd;
  audit: Audit | null;
  json: boolean;
}

/** Says how the run ended, what it cost and what to do next; returns the exit code. */
export async function printSummary(
  { terminal, commandLine }: CommandSetup,
  { opened, end, audit, json }: RunOutcome,
): Promise<ExitCode> {
  const { ledger, session, news, account } = opened;
  const meta = await ledger.meta();
  if (!meta) throw new BatchError('internal', `Batch ${ledger.batch} vanished while it ran.`);
  const code = exitCodeFor(meta, end);
  if (json) {
    terminal.print(JSON.stringify({ ...runReport(meta, session.clock.now()), exit_code: code }));
    return code;
  }
  if (news === 'none') terminal.print(`Batch ${meta.name} is finished; nothing was sent or spent.`);
  if (meta.cancelled) terminal.print(cancelledSentence(meta.name));
  terminal.print(countsText(meta));
  terminal.print(spentText(meta));
  const audited = audit && auditSentence(audit);
  if (audited) terminal.print(audited);
  for (const sentence of nextSteps(meta, end, commandLine)) terminal.print(sentence);
  if (end === 'key_refused') {
    const { gate } = await account.view();
    if (gate.kind === 'halted')
      terminal.warn(`The API refused the key: ${gate.code}. ${gate.message}`);
  }
  return code;
}

function spentText({ spent, reserved }: BatchMeta): string {
  const held =
    reserved > 0 ? `, ${formatCredits(reserved)} reserved for tasks whose end is not known` : '';
  return `${formatCredits(spent)} spent${held}.`;
}

function exitCodeFor(meta: BatchMeta, end: RunEnd): ExitCode {
  switch (end) {
    case 'interrupted':
      return ExitCode.interrupted;
    case 'key_refused':
    case 'no_credits':
    case 'capped':
      return ExitCode.workLeft;
    case 'finished':
      return meta.lines.succeeded === meta.admitted && !meta.cancelled
        ? ExitCode.succeeded
        : ExitCode.someDidNotSucceed;
    default:
      return end satisfies never;
  }
}

function countsText({ lines, pending, rejected, duplicates }: BatchMeta): string {
  const parts = [pc.green(`${lines.succeeded} succeeded`)];
  if (lines.failed > 0) parts.push(pc.red(`${lines.failed} failed`));
  if (lines.unknown > 0) parts.push(pc.yellow(`${lines.unknown} unknown`));
  if (lines.cancelled > 0) parts.push(`${lines.cancelled} cancelled`);
  if (pending > 0) parts.push(`${pending} left`);
  if (duplicates > 0) parts.push(`${duplicates} duplicates made once`);
  if (rejected > 0) parts.push(`${rejected} rejected`);
  return parts.join(', ');
}

function failureHints({ name, lines, admitted }: BatchMeta): string[] {
  if (lines.succeeded === admitted) return [];
  return [
    `Why: npx rivya-batch status ${name} --failed`,
    `Once more, for those that are worth it: npx rivya-batch retry ${name}`,
  ];
}

function nextSteps(meta: BatchMeta, end: RunEnd, commandLine: string): string[] {
  const folder = relative(process.cwd(), meta.out) || '.';
  switch (end) {
    case 'finished':
      return [
        ...failureHints(meta),
        `Files: ${folder}/assets  ·  table: ${folder}/manifest.csv  ·  record: ${folder}/manifest.jsonl`,
      ];
    case 'interrupted':
      return ['Stopped; everything is saved. To continue:', `  ${commandLine}`];
    case 'no_credits':
      return [
        'The account is out of credits. Once there are some, continue with:',
        `  ${commandLine}`,
      ];
    case 'capped':
      return [
        `${meta.pending} briefs are left: they would go over the cap. The same command with a higher one (--max-credits, --max-credits-per-day) goes on; it was:`,
        `  ${commandLine}`,
      ];
    case 'key_refused':
      return [
        'Nothing more was submitted. When the key is in order, continue with:',
        `  ${commandLine}`,
      ];
    default:
      return end satisfies never;
  }
}
