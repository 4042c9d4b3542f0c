import { relative } from 'node:path';
import pc from 'picocolors';
import { cancelledSentence, type OpenedBatch } from '../../batch/continue-batch.js';
import { type Awaited, awaitedApprovals } from '../../batch/steps.js';
import { isBucketAddress } from '../../bucket/bucket-address.js';
import { type Forecast, sumText } from '../../forecast/credits.js';
import type { Plan } from '../../forecast/plan.js';
import type { AccountLedger } from '../../ledger/account-ledger.js';
import { type BatchMeta, cappedBy, leftOf } from '../../ledger/batch-meta.js';
import { fileNames } from '../../results/file-names.js';
import { runReport } from '../../results/run-report.js';
import type { RivyaClient } from '../../rivya/client.js';
import { BatchError, ExitCode } from '../../shared/errors.js';
import { outOfCredits } from '../../shared/out-of-credits.js';
import { counted, formatCredits } from '../../shared/quantities.js';
import { isSimulated } from '../../shared/simulated.js';
import { outcomeWord } from '../../worker/stages/answers.js';
import { commandFor, continueLine } from '../options/kept-command.js';
import type { CommandSetup } from '../setup.js';
import { comparisonJson, leftAsTheyAre, planJson } from '../text/sentences.js';
import { simulatedText } from '../text/simulate.js';
import { type TrialResult, trialLines } from './trial.js';
import type { RunEnd } from './watch-run.js';

export interface RunOutcome {
  opened: OpenedBatch;
  end: RunEnd;
  audit: Audit | null;
  /** What is left will cost so much, where a cap stopped the run. */
  left: Forecast | null;
  /** What it was going to do; null where there was nothing to make. */
  plan: Plan | null;
  trial: TrialResult | null;
  json: boolean;
}

/** Says how the run ended, what it cost and what to do next; returns the exit code. */
export async function printSummary(
  setup: CommandSetup,
  { opened, end, audit, left, plan, trial, json }: RunOutcome,
): Promise<ExitCode> {
  const { terminal } = setup;
  const { ledger, news, comparison } = opened;
  const { clock, account } = opened.context;
  const meta = await ledger.meta();
  if (!meta)
    throw new BatchError(
      'internal',
      `Batch ${ledger.batch} was deleted while it ran: its results so far are in its folder, and the same command continues.`,
    );
  const code = exitCodeFor(meta, end);
  if (json) {
    const compared = comparisonJson(comparison);
    const report = runReport(meta, clock.now(), await ledger.refusals());
    const tried = trial === null ? {} : { trial };
    terminal.json({
      ...report,
      ...(isSimulated(meta) ? { simulated: true } : {}),
      compared,
      exit_code: code,
      plan: plan && planJson(plan),
      ...tried,
    });
    return code;
  }
  if (isSimulated(meta)) terminal.print(simulatedText);
  if (news === 'none') terminal.print(`Batch ${meta.name} is finished; nothing was sent or spent.`);
  if (meta.stage === 'cancelled') terminal.print(cancelledSentence(meta.name));
  terminal.print(countsText(meta));
  terminal.print(spentText(meta, news));
  for (const sentence of leftAsTheyAre(comparison)) terminal.print(sentence);
  const audited = audit && auditSentence(audit);
  if (audited) terminal.print(audited);
  const { gate } = await account.view();
  const refusal = gate.kind === 'halted' ? gate.code : 'api_key_refused';
  const awaited = end === 'approval' ? await awaitedApprovals(ledger) : null;
  for (const sentence of nextSteps(setup, meta, { end, left, awaited }, refusal)) {
    terminal.print(sentence);
  }
  if (trial !== null && end === 'finished') {
    const goOn = continueLine(setup, meta);
    for (const line of trialLines(trial, { goOn, width: terminal.width })) terminal.print(line);
  }
  return code;
}

/** An earlier run's credits are not this one's. */
function spentText({ spent, reserved, runs }: BatchMeta, news: OpenedBatch['news']): string {
  const ofAll = news === 'none' || runs.length > 1 ? ' by this batch in all' : '';
  const held =
    reserved > 0 ? `, ${formatCredits(reserved)} reserved for tasks whose end is not known` : '';
  return `${formatCredits(spent)} spent${ofAll}${held}.`;
}

function exitCodeFor(meta: BatchMeta, end: RunEnd): ExitCode {
  switch (end) {
    case 'interrupted':
      return ExitCode.interrupted;
    case 'key_refused':
    case 'no_credits':
    case 'capped':
    case 'approval':
      return ExitCode.workLeft;
    case 'finished':
      return meta.lines.succeeded === meta.admitted && meta.stage !== 'cancelled'
        ? ExitCode.succeeded
        : ExitCode.someDidNotSucceed;
    default:
      return end satisfies never;
  }
}

function countsText(meta: BatchMeta): string {
  const { lines, rejected, duplicates } = meta;
  const left = leftOf(meta);
  const parts = [pc.green(`${lines.succeeded} succeeded`)];
  if (lines.failed > 0) parts.push(pc.red(`${lines.failed} failed`));
  if (lines.unknown > 0) parts.push(pc.yellow(`${lines.unknown} unknown`));
  if (lines.cancelled > 0) parts.push(`${lines.cancelled} cancelled`);
  if (left > 0) parts.push(`${left} left`);
  if (duplicates > 0) parts.push(`${counted(duplicates, 'duplicate')} made once`);
  if (rejected > 0) parts.push(`${rejected} rejected`);
  return parts.join(', ');
}

function leftText(briefs: number, left: Forecast | null): string {
  const count = `${counted(briefs, 'brief')} ${briefs === 1 ? 'is' : 'are'} left`;
  return left === null ? count : `${count}, for ${sumText(left)}`;
}

function failureHints(setup: CommandSetup, { name, lines, admitted }: BatchMeta): string[] {
  if (lines.succeeded === admitted) return [];
  return [
    `Why: ${commandFor(setup, ['status', name, '--failed'])}`,
    `Try them again: ${commandFor(setup, ['retry', name])}`,
  ];
}

/** In one line where it is wide enough: a terminal would break a path in the middle. */
function resultsLines(folder: string, width: number): string[] {
  const [files, table, record] = [fileNames.assets, fileNames.table, fileNames.manifest].map(
    (name) => `${folder}/${name}`,
  );
  const line = `Files: ${files}  ·  table: ${table}  ·  record: ${record}`;
  if (line.length <= width) return [line];
  return [`Files:  ${files}`, `Table:  ${table}`, `Record: ${record}`];
}

/** Which option raises the cap that stopped the run. */
function raiseText(meta: BatchMeta): string {
  return cappedBy(meta) === 'day_cap'
    ? 'To continue tomorrow (UTC), or today with a higher --max-credits-per-day added:'
    : 'To continue with all of it:';
}

/** With a number, the line can be typed as it stands; a person sees what it allows. */
function raisedCap(meta: BatchMeta, left: Forecast | null): string {
  const { command, spent } = meta;
  if (cappedBy(meta) === 'day_cap' || left === null || command?.kind !== 'kept') return '';
  return ` --max-credits ${Math.ceil(spent + left.most)}`;
}

/** @param refusal why the API refuses the key, if it does */
function nextSteps(
  setup: CommandSetup,
  meta: BatchMeta,
  { end, left, awaited }: Pick<RunOutcome, 'end' | 'left'> & { awaited: Awaited | null },
  refusal: string,
): string[] {
  const goOn = continueLine(setup, meta);
  const folder = isBucketAddress(meta.out) ? meta.out : relative(process.cwd(), meta.out) || '.';
  switch (end) {
    case 'finished':
      return [
        ...failureHints(setup, meta),
        ...resultsLines(folder, setup.terminal.width),
        ...(meta.lines.succeeded === 0
          ? []
          : [`Look and decide: ${commandFor(setup, ['review', folder])}`]),
      ];
    case 'interrupted':
      return ['Stopped. Everything is saved. To continue:', `  ${goOn}`];
    case 'no_credits':
      return [
        `The account is ${outOfCredits(meta.origin)}. When it has credits again, continue with:`,
        `  ${goOn}`,
      ];
    case 'capped':
      return [
        `${leftText(leftOf(meta), left)}: that would go over the cap. ${raiseText(meta)}`,
        `  ${goOn}${raisedCap(meta, left)}`,
      ];
    case 'approval':
      return [...approvalHints(setup, folder, { awaited, left: leftOf(meta) }), `  ${goOn}`];
    case 'key_refused':
      return [
        `Nothing more was submitted: the API refuses the key (${refusal}). Correct RIVYA_API_KEY, then continue with:`,
        `  ${goOn}`,
      ];
    default:
      return end satisfies never;
  }
}

function approvalHints(
  setup: CommandSetup,
  folder: string,
  { awaited, left }: { awaited: Awaited | null; left: number },
): string[] {
  const { count = 0, again = [] } = awaited ?? {};
  const hints = [
    `${counted(count, 'result')} ${count === 1 ? 'waits' : 'wait'} for approval, and ${counted(left, 'brief')} for that. When you have decided, continue with:`,
    `  ${commandFor(setup, ['review', folder, '--take', 'FILE'])}`,
  ];
  if (again.length === 0) return hints;
  return [
    `${counted(again.length, 'result')} should be made again. To see what that costs, and to make it:`,
    `  ${commandFor(setup, ['review', folder, '--apply'])}`,
    ...hints,
  ];
}

const longestWaitMs = 5_000;

/** The account's balance, or null where it cannot be had: an audit is a hint and holds nothing up. */
export async function readBalance(
  client: RivyaClient,
  account: AccountLedger,
): Promise<number | null> {
  // This look keeps to the account's pace like every other request (S7).
  const turn = await account.takeTurn(longestWaitMs);
  if (turn.kind === 'too_far') return null;
  await new Promise((resolve) => setTimeout(resolve, turn.waitMs));
  const outcome = await client.readCredits();
  await account.records.addAnswers([
    { endpoint: 'credits', outcome: outcomeWord(outcome), count: 1 },
  ]);
  if (outcome.kind !== 'read') return null;
  await account.records.noteWallet(outcome.currentCredits);
  return outcome.currentCredits;
}

export interface Audit {
  before: { meta: BatchMeta; balance: number | null };
  after: { meta: BatchMeta; balance: number | null };
}

/**
 * Compares what the ledger counted in this run with how far the balance moved. The wallet is shared with Studio and
 * other keys, so that more than was counted asks for a look, and proves nothing. Less is no alarm: credits were bought
 * or given back meanwhile, or tasks were counted that an earlier run had paid for (replays under their old keys).
 */
export function auditSentence({ before, after }: Audit): string | null {
  if (before.balance === null || after.balance === null) return null;
  const counted = round(held(after.meta) - held(before.meta));
  const moved = round(before.balance - after.balance);
  if (counted === moved) {
    return `Audit: the balance moved by ${formatCredits(moved)}, as counted here. ${formatCredits(after.balance)} left.`;
  }
  const left = `${formatCredits(after.balance)} left.`;
  if (moved < counted) {
    const went =
      moved < 0 ? `rose by ${formatCredits(-moved)}` : `moved by ${formatCredits(moved)}`;
    return `Audit: the balance ${went}; counted here: ${formatCredits(counted)}. ${formatCredits(round(counted - moved))} came in meanwhile (bought, refunded, or of tasks that were paid before). ${left}`;
  }
  return `Audit: the balance moved by ${formatCredits(moved)}; counted here: ${formatCredits(counted)}. If nothing else used this account meanwhile, check its usage at Rivya. ${left}`;
}

/** Reserved credits were taken from the wallet when their tasks were accepted. */
function held(meta: BatchMeta): number {
  return meta.spent + meta.reserved;
}

function round(credits: number): number {
  return Math.round(credits * 1000) / 1000;
}
