import { realpath, stat } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { isBucketAddress } from '../../bucket/bucket-address.js';
import { spelling } from '../../producer/rows/cell-text.js';
import { suggestName } from '../../producer/rows/suggest-name.js';
import { addCosts, type CostReport, type Costs, noCosts, sumCosts } from '../../results/costs.js';
import { csvRows } from '../../results/manifest-csv.js';
import { batchHeldIn } from '../../results/output-folder.js';
import { readReport } from '../../results/run-report.js';
import { BatchError, ExitCode } from '../../shared/errors.js';
import type { JsonValue } from '../../shared/json.js';
import type { ManifestLine } from '../../shared/manifest-line.js';
import { counted, creditsNumber, grouped } from '../../shared/quantities.js';
import { folderOfResults } from '../options/choose-batch.js';
import { addJsonFlag, placeOfResults, twin } from '../options/flags.js';
import type { CommandSetup } from '../setup.js';
import { type Column, printTable } from '../text/table.js';
import type { Terminal } from '../text/terminal.js';

interface CostFlags {
  by: string;
  csv: boolean;
  json: boolean;
}

export function addCostsCommand(program: Command, setup: CommandSetup): void {
  const command = program
    .command('costs')
    .argument('<batch or folder...>', undefined, folders)
    .addOption(
      twin(
        new Option(
          '--by <what>',
          'batch, run, model, output, or a column of the input (column:NAME for one of these names)',
        ).default('batch'),
      ),
    )
    .option('--csv', 'print CSV on stdout', false);
  addJsonFlag(command);
  command.action((whats: string[], flags: CostFlags) =>
    setup.run(() => showCosts(setup, whats, flags)),
  );
}

function folders(what: string, before: string[] = []): string[] {
  return [...before, placeOfResults(what)];
}

async function showCosts(
  setup: CommandSetup,
  whats: string[],
  { by, csv, json }: CostFlags,
): Promise<ExitCode> {
  if (csv && json) throw new BatchError('usage', 'Choose one of --csv and --json.');
  const places = await placesOf(setup, whats);
  const grouping = groupingBy(by, places.length);
  const report = await sumCosts(places, grouping.groupOf);
  grouping.check?.();
  const rows = [...report.groups].map(([key, costs]) => ({ key, costs }));
  if (grouping.order === 'by costs') rows.sort((a, b) => b.costs.spent - a.costs.spent);
  const { terminal } = setup;
  if (csv) await printCsv(terminal, grouping.head, rows);
  else if (json) terminal.json(await jsonOf(by, { rows, report, places }));
  else printCosts(terminal, grouping.head, { rows, report });
  for (const batch of await unfinished(places)) {
    terminal.note(`${batch} is not finished: what is under way there is not in these figures.`);
  }
  const [first, ...others] = report.unreadable;
  if (first !== undefined) {
    const more = others.length === 0 ? '' : `, and ${counted(others.length, 'more line')}`;
    terminal.warn(
      `Line ${first.row} of ${first.path} cannot be read${more}: what it cost is missing here.`,
    );
  }
  return ExitCode.succeeded;
}

/** Each folder once, by whatever names it was given. */
async function placesOf(setup: CommandSetup, whats: string[]): Promise<string[]> {
  const places = new Set<string>();
  for (const what of whats) {
    const folder =
      !isBucketAddress(what) && (await isBegun(what)) ? what : await folderOfResults(setup, what);
    if (folder === '') throw new BatchError('usage', `Batch ${what} has no results yet.`);
    places.add(await realpath(folder));
  }
  return [...places];
}

/** A batch that has no line yet has cost nothing: among many folders, it is no mistake. */
async function isBegun(folder: string): Promise<boolean> {
  const found = await stat(folder).catch(() => null);
  return found?.isDirectory() === true && (await batchHeldIn(folder)) !== null;
}

interface Grouping {
  head: string;
  groupOf(line: ManifestLine): string | null;
  order: 'as met' | 'by costs';
  /** After all lines were seen. @throws BatchError `usage` */
  check?(): void;
}

function groupingBy(by: string, places: number): Grouping {
  switch (by) {
    case 'batch':
      return { head: by, order: 'as met', groupOf: ({ batch }) => batch };
    case 'run': {
      const nameOf = (line: ManifestLine) =>
        places === 1 ? String(line.run) : `${line.batch} ${line.run}`;
      return {
        head: by,
        order: 'as met',
        groupOf: (line) => (line.run === null ? null : nameOf(line)),
      };
    }
    case 'model':
      return { head: by, order: 'by costs', groupOf: ({ model }) => model };
    case 'output':
      return { head: by, order: 'by costs', groupOf: ({ output }) => output ?? null };
    default:
      return byColumn(by.replace(/^column:/, ''));
  }
}

function byColumn(column: string): Grouping {
  const wanted = spelling(column);
  const seen = new Set<string>();
  let found = false;
  const nameIn = (input: ManifestLine['input']) =>
    Object.hasOwn(input, column)
      ? column
      : Object.keys(input).find((name) => spelling(name) === wanted);
  return {
    head: column,
    order: 'by costs',
    groupOf: ({ input }) => {
      const name = nameIn(input);
      if (name === undefined) {
        if (!found) for (const other of Object.keys(input)) seen.add(other);
        return null;
      }
      found = true;
      return groupText(input[name]);
    },
    check: () => {
      if (found || seen.size === 0) return;
      throw new BatchError(
        'usage',
        `There is no column "${column}" in these results: ${suggestName(column, [...seen])}`,
      );
    },
  };
}

function groupText(value: JsonValue | undefined): string | null {
  if (value === undefined || value === null || value === '') return null;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

interface CostRow {
  /** Null: the lines that are of no group. */
  key: string | null;
  costs: Costs;
}

/** A screen is not for thousands of groups; --csv and --json have them all. */
const mostRows = 50;
const nameless = '(none)';

function printCosts(
  terminal: Terminal,
  head: string,
  { rows, report }: { rows: CostRow[]; report: CostReport },
): void {
  const shown = rows.slice(0, rows.length > mostRows + 1 ? mostRows : rows.length);
  const others = rows.slice(shown.length);
  const named: NamedCosts[] = shown.map(({ key, costs }) => ({ name: key ?? nameless, costs }));
  if (others.length > 0) {
    const costs = noCosts();
    for (const other of others) addCosts(costs, other.costs);
    named.push({ name: `(${grouped(others.length)} others)`, costs });
  }
  if (rows.length !== 1) named.push({ name: 'total', costs: report.total });
  const name: Column<NamedCosts> = {
    head,
    text: (row) => row.name,
    narrow: { least: 12, by: 'middle' },
  };
  printTable(terminal, named, [name, ...figures]);
  for (const sentence of sentencesOf(report)) terminal.note(sentence);
}

interface NamedCosts {
  name: string;
  costs: Costs;
}

function figure(head: string, text: (costs: Costs) => string): Column<NamedCosts> {
  return { head, align: 'right', text: ({ costs }) => text(costs) };
}

const figures: Column<NamedCosts>[] = [
  figure('briefs', ({ briefs }) => grouped(briefs)),
  figure('made', ({ succeeded }) => grouped(succeeded)),
  figure('credits', ({ spent }) => creditsNumber(spent)),
  { ...figure('failed', ({ spentOnFailed: spent }) => creditsNumber(spent)), quiet: '0' },
  { ...figure('earlier', ({ spentOnEarlier: spent }) => creditsNumber(spent)), quiet: '0' },
  figure('for each', (costs) => {
    const each = perSucceeded(costs);
    return each === null ? '' : creditsNumber(each);
  }),
  { ...figure('in doubt', ({ inDoubt }) => grouped(inDoubt.attempts)), quiet: '0' },
];

/** What the heads of the table are short for, as far as there is something under them. */
function sentencesOf({ total, takenOver }: CostReport): string[] {
  const { spentOnFailed, spentOnEarlier, inDoubt } = total;
  const sentences: string[] = [];
  if (spentOnFailed > 0) {
    sentences.push('"failed": the credits that were charged for briefs that failed.');
  }
  if (spentOnEarlier > 0) {
    sentences.push('"earlier": the credits for attempts that a later attempt has replaced.');
  }
  if (inDoubt.attempts > 0) {
    sentences.push(
      `"in doubt": attempts whose cost is not known; ${creditsNumber(inDoubt.reserved)} of their credits were stated, and are not counted.`,
    );
  }
  if (takenOver > 0) {
    sentences.push(
      `${counted(takenOver, 'line')} not counted here: an earlier batch of the schedule made them and paid for them.`,
    );
  }
  return sentences;
}

function perSucceeded({ spent, succeeded }: Costs): number | null {
  return succeeded === 0 ? null : exact(spent / succeeded);
}

/** Sums of decimals are not exact in binary. */
function exact(credits: number): number {
  return Math.round(credits * 1e6) / 1e6;
}

/** The fields of a group for programs, and their columns in a table for them. */
function record(costs: Costs) {
  const { briefs, succeeded, inDoubt } = costs;
  return {
    briefs,
    succeeded,
    spent: exact(costs.spent),
    spent_on_failed: exact(costs.spentOnFailed),
    spent_on_earlier: exact(costs.spentOnEarlier),
    per_succeeded: perSucceeded(costs),
    in_doubt: inDoubt.attempts,
    in_doubt_reserved: exact(inDoubt.reserved),
  };
}

const rowsAtOnce = 500;

/** Without a total: whoever sums up a column would count all twice. */
async function printCsv(terminal: Terminal, head: string, rows: CostRow[]): Promise<void> {
  await terminal.pipe(csvRows([[head, ...Object.keys(record(noCosts()))]]));
  for (let at = 0; at < rows.length; at += rowsAtOnce) {
    const some = rows.slice(at, at + rowsAtOnce);
    await terminal.pipe(
      csvRows(some.map(({ key, costs }) => [key, ...Object.values(record(costs))])),
    );
  }
}

async function jsonOf(
  by: string,
  { rows, report, places }: { rows: CostRow[]; report: CostReport; places: string[] },
) {
  return {
    by,
    groups: rows.map(({ key, costs }) => ({ key, ...record(costs) })),
    total: record(report.total),
    taken_over: report.takenOver,
    unfinished: await unfinished(places),
    unreadable: report.unreadable.length,
  };
}

/** Batches that have work left, as far as their folders say. */
async function unfinished(places: string[]): Promise<string[]> {
  const reports = await Promise.all(places.map(readReport));
  return reports.flatMap((report) => (report?.state === 'unfinished' ? [report.batch] : []));
}
