import { stripVTControlCharacters } from 'node:util';
import truncate from 'cli-truncate';
import pc from 'picocolors';
import { type Forecast, sumText, walletText } from '../../forecast/credits.js';
import { formatTimeLeft } from '../../forecast/outlook.js';
import type { Plan } from '../../forecast/plan.js';
import type { PlannedTime } from '../../forecast/time.js';
import type { Example } from '../../producer/sample.js';
import type { Step } from '../../producer/steps/step-counts.js';
import { counted, formatDuration, grouped } from '../../shared/quantities.js';
import { comparisonText, warningLines } from './sentences.js';
import { hangingLines } from './terminal.js';

const labelWidth = 11;
const mostModels = 4;
/** A wider line is not read as one. */
const widest = 120;

/** The plan for a person, in lines that fit. */
export function planLines(plan: Plan, terminalWidth: number): string[] {
  const width = Math.min(terminalWidth, widest);
  const { counts, forecast } = plan;
  const { rows, briefs } = counts;
  const all = counted(briefs, 'brief');
  const changes = plan.compared && comparisonText(plan.compared);
  const made = forecast.briefs < briefs ? `${all}, ${grouped(forecast.briefs)} of them` : all;
  return [
    ...hangingLines('', `${counted(rows, 'row')}: ${made} to make ${notMade(counts)}.`, width),
    ...(changes === null ? [] : row('compared', changes, width)),
    ...(plan.watched > 0 ? row('sent', watchedText(plan.watched), width) : []),
    ...row('models', modelsText(plan.models), width),
    ...plan.steps.flatMap((step, at) => row(at === 0 ? 'steps' : '', stepText(step), width)),
    ...(forecast.briefs > 0 ? [...costLines(plan, width), ...exampleLines(plan, width)] : []),
    ...warningLines(plan.warnings).flatMap((line) => row(pc.yellow('warning'), line, width)),
  ];
}

/** What a run that was cut off had sent. */
export function watchedText(watched: number): string {
  return `${counted(watched, 'brief')} before: watched until done, and not paid again`;
}

function notMade({ duplicates, rejected, leftOut }: Plan['counts']): string {
  const most = `(${counted(duplicates, 'duplicate')}, ${grouped(rejected)} rejected)`;
  // They are none of the rows that stand before it.
  return leftOut === 0 ? most : `${most}; ${counted(leftOut, 'more row')} left out`;
}

function costLines(plan: Plan, width: number): string[] {
  const { forecast, wallet } = plan;
  return [
    ...row('requests', requestsText(plan), width),
    ...row('credits', `${sumText(forecast)} (${basisText(forecast)})`, width),
    ...row('balance', walletText(forecast, wallet), width),
    ...row('time', timeText(plan.time), width),
  ];
}

/** A label and its text, which goes on below itself where the line ends. */
function row(label: string, text: string, width: number): string[] {
  const gap = ' '.repeat(labelWidth - stripVTControlCharacters(label).length);
  return hangingLines(`  ${label}${gap}`, text, width);
}

function modelsText(models: Plan['models']): string {
  const most = [...models].sort((left, right) => right.briefs - left.briefs);
  const shown = most
    .slice(0, mostModels)
    .map(({ model, briefs }) => `${grouped(briefs)} with ${model}`);
  const others = most.slice(mostModels);
  if (others.length > 0) {
    const briefs = others.reduce((sum, { briefs }) => sum + briefs, 0);
    shown.push(`${grouped(briefs)} with ${counted(others.length, 'other')}`);
  }
  return shown.join(', ') || 'none';
}

/** `still: 10 with z-image, after caption; a person approves it` */
function stepText({ output, after, approve, models }: Step): string {
  const behind = after.length === 0 ? '' : `, after ${after.join(' and ')}`;
  return `${output}: ${modelsText(models)}${behind}${approve ? '; a person approves it' : ''}`;
}

function requestsText({ requests: { submits, turns, uploads, least, most } }: Plan): string {
  const first = uploads === 0 ? '' : `${counted(uploads, 'upload')} of references, `;
  const range = least === most ? grouped(least) : `${grouped(least)} to ${grouped(most)}`;
  const looks = turns === submits ? '' : ', and one or two checks of each task';
  return `${range}: ${first}${counted(submits, 'submission')}${looks}`;
}

function basisText({ briefs, charged }: Forecast): string {
  if (charged === briefs) return 'as charged before';
  const guess = 'from the base price up: the API tells the price when it charges';
  return charged === 0
    ? guess
    : `${counted(charged, 'brief')} as charged before, the others ${guess}`;
}

type From = PlannedTime['rate' | 'places' | 'task']['from'];

/** `told` is by an option or a variable, which its reader has set. */
const fromWords: Record<From, string> = { told: 'set', learned: 'learned', assumed: 'assumed' };

/** `2 to 3 min, at 2 requests/s, 8 tasks at once, 15 s each (assumed)` */
export function timeText({ left, rate, places, task }: PlannedTime): string {
  const long = left.kind === 'known' ? formatTimeLeft(left) : 'not known';
  const pace = `${round(rate.perSecond)} requests/s`;
  const most = `${counted(places.most, 'task')} at once`;
  const each = `${formatDuration(task.ms)} each`;
  const froms = new Set([rate.from, places.from, task.from]);
  const shown = (text: string, from: From) =>
    froms.size === 1 ? text : `${text} (${fromWords[from]})`;
  const parts = [shown(pace, rate.from), shown(most, places.from), shown(each, task.from)];
  const all = froms.size === 1 ? ` (${fromWords[rate.from]})` : '';
  return `${long}, at ${parts.join(', ')}${all}`;
}

function round(rate: number): string {
  return String(Number(rate.toPrecision(2)));
}

function nameAt({ examples }: Plan, at: number): string {
  if (at === 0) return 'first';
  return at === examples.length - 1 ? 'last' : 'middle';
}

function exampleLines(plan: Plan, width: number): string[] {
  return plan.examples.flatMap((example, at) => exampleLine(example, nameAt(plan, at), width));
}

function exampleLine(example: Example, name: string, width: number): string[] {
  const { row: number, id, model, prompt } = example;
  // Cut before it is measured: only its first line is shown.
  const shown = prompt?.slice(0, widest * 10) ?? '(no prompt)';
  const text = `row ${number}, ${id}, ${model.slice(0, widest)}: ${shown}`;
  // A prompt may hold whatever the file does: a terminal's control characters are not for this one.
  const plain = stripVTControlCharacters(text).replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ');
  return [`  ${name.padEnd(labelWidth)}${truncate(plain, Math.max(20, width - labelWidth - 2))}`];
}
