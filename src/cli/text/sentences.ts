import pc from 'picocolors';
import { type Comparison, foundIn } from '../../batch/compare.js';
import type { Limiting } from '../../forecast/outlook.js';
import type { Plan } from '../../forecast/plan.js';
import { type AccountView, defaultInFlight } from '../../ledger/account-view.js';
import { type BatchMeta, withoutSuccess, wordsThatGoOn } from '../../ledger/batch-meta.js';
import type { RowPosition } from '../../producer/rows/row.js';
import type { InputWarning } from '../../producer/warnings.js';
import { outOfCredits } from '../../shared/out-of-credits.js';
import { counted, formatDuration, grouped, shellWord } from '../../shared/quantities.js';

/** As `--json` prints it. */
export function comparisonJson(comparison: Comparison) {
  const { same, changed, forced, fresh, gone, undecided, underWay } = comparison;
  return { same, changed, forced, new: fresh, gone, undecided, being_made: underWay.count };
}

/** A plan as `--json` prints it. */
export function planJson(plan: Plan) {
  const { compared } = plan;
  return { ...plan, compared: compared && comparisonJson(compared) };
}

/** What an input is to the batch that it is given to; null for a batch that has nothing yet. */
export function comparisonText(comparison: Comparison): string | null {
  const { same, changed, forced, fresh, gone, undecided, underWay } = comparison;
  if (foundIn(comparison) + gone === 0) return null;
  const parts = [
    `${grouped(same)} as before`,
    `${grouped(changed)} changed`,
    `${grouped(fresh)} new`,
  ];
  if (forced > 0) parts.push(`${grouped(forced)} made again (--force)`);
  if (underWay.count > 0) parts.push(`${grouped(underWay.count)} changed while being made`);
  if (undecided > 0) parts.push(`${grouped(undecided)} unknown (decide with retry)`);
  if (gone > 0) parts.push(`${grouped(gone)} gone (kept)`);
  return parts.join(', ');
}

/** What a run leaves as it is although the input says otherwise, once it has ended. */
export function leftAsTheyAre({ gone, undecided }: Comparison): string[] {
  const sentences: string[] = [];
  if (gone > 0) {
    sentences.push(
      `${counted(gone, 'brief')} of this batch ${gone === 1 ? 'is' : 'are'} no longer in the input: ${gone === 1 ? 'its line' : 'their lines'} and files stay.`,
    );
  }
  if (undecided > 0) {
    sentences.push(
      `${counted(undecided, 'changed brief')} ${undecided === 1 ? 'was' : 'were'} left as ${undecided === 1 ? 'it is' : 'they are'}: it is not known whether the last attempt was paid. To decide: "rivya-batch retry --status unknown", or --force.`,
    );
  }
  return sentences;
}

/** More kinds of trouble than this are not read on a screen. */
const mostShown = 8;

/** What may be a slip in rows that are taken all the same. */
export function warningLines(warnings: readonly InputWarning[]): string[] {
  const lines = warnings.slice(0, mostShown).map(({ count, firstRows, reason }) => {
    return count === 0 ? reason : `${rowsText({ count, firstRows })}: ${reason}`;
  });
  const more = warnings.length - lines.length;
  if (more > 0) lines.push(`and ${more} more of this kind (check --json lists them)`);
  return lines;
}

/** "row 7", or "3 rows (7, 9, 12)". */
export function rowsText({
  count,
  firstRows,
}: {
  count: number;
  firstRows: RowPosition[];
}): string {
  const rows = firstRows.map(({ row }) => row).join(', ');
  if (count === 1) return `row ${rows}`;
  return `${count} rows ${pc.dim(`(${rows}${count > firstRows.length ? ', ...' : ''})`)}`;
}

/** Shorter rests come and go with the pace itself. */
const shownFromMs = 3_000;

/** Why no request is sent, and for how long. */
function restText({ ms, by }: NonNullable<AccountView['rest']>): string {
  return by === 'refusal'
    ? `the API's limit (429): no request for ${formatDuration(ms)}`
    : `the API's headers, which say that no request is left: none is sent for ${formatDuration(ms)} (--rate N ignores them)`;
}

/** `caption 300 of 300 · still 120 of 300, 2 without success`: how far each output of a recipe is. */
export function outputsText({ outputs }: Pick<BatchMeta, 'outputs'>): string {
  return outputs
    .map(({ name, whole, lines }) => {
      const notGood = withoutSuccess({ lines });
      const done = lines.succeeded + notGood;
      // Those of an earlier input are there as well.
      const count = `${name} ${done} of ${Math.max(whole, done)}`;
      return notGood === 0 ? count : `${count}, ${pc.red(`${notGood} without success`)}`;
    })
    .join(' · ');
}

export function limitingText(limiting: Limiting, account: AccountView, meta: BatchMeta): string {
  const { told, learnedRate, learnedInFlight, rest } = account;
  switch (limiting) {
    case 'nobody':
      return `nothing works on it: "rivya-batch ${wordsThatGoOn(meta).map(shellWord).join(' ')}" continues it`;
    case 'cap':
      return pc.yellow('--max-credits');
    case 'day_cap':
      return pc.yellow('--max-credits-per-day');
    case 'rate':
      if (rest !== null && rest.ms > shownFromMs) return pc.yellow(restText(rest));
      return `the pace (${told.rate === null ? `learned: ${learnedRate?.toFixed(1) ?? 2} requests/s` : `${told.rateOption} ${told.rate}`})`;
    case 'in_flight':
      return `tasks in flight (${told.inFlight === null ? `learned: at most ${learnedInFlight ?? defaultInFlight}` : `--in-flight ${told.inFlight}`})`;
    case 'credits':
      return pc.yellow(`the account is ${outOfCredits(meta.origin)}`);
    case 'key':
      return pc.red('the key is refused');
    case 'api_down':
      return pc.yellow('the API does not answer');
    case 'files':
      return pc.yellow('files that cannot be fetched yet');
    case 'approval':
      return pc.yellow(`results that wait for approval: "rivya-batch review ${meta.out}"`);
    case 'put_off':
      return pc.yellow('submissions that were refused or not answered, and are tried again later');
    case 'paused':
      return pc.yellow('the batch is paused');
    case 'machine':
      return 'this machine';
    case 'api':
      return 'the time that tasks take';
    default:
      return limiting satisfies never;
  }
}
