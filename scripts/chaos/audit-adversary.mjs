import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brokenAssets, readLines } from './audit-round.mjs';
import { RoundInput } from './round-input.mjs';
import { RoundProcess } from './round-process.mjs';

/**
 * What harm a round did whose input was edited and whose Redis was turned back, by the bill: one task at most for
 * each content of a brief (an edited one is rightly a new one), a line for each paid task (its own, or one that
 * says `unknown`), one line a brief, all sums as the lines say, all files whole.
 */
export async function auditAdversary(round) {
  const { out, simulator, input } = round;
  const lines = readLines(join(out, 'manifest.jsonl'));
  const past = existsSync(join(out, 'history.jsonl')) ? readLines(join(out, 'history.jsonl')) : [];
  const tasks = paidTasks(simulator);
  const faults = [
    ...paidTwice(tasks),
    ...lostTasks(tasks, [...lines, ...past]),
    ...missingLines(input.wanted, lines),
    ...lines.flatMap((line) => [...brokenAssets(out, line), ...notPictures(line)]),
    ...wrongSums(lines, JSON.parse(readFileSync(join(out, 'run.json'), 'utf8'))),
    ...(await complaints(round)),
  ];
  const count = (name) => faults.filter((fault) => fault.startsWith(name)).length;
  return {
    faults,
    counts: {
      duplicates: count('paid twice'),
      linesTwice: lines.length - new Set(lines.map((line) => line.brief_id)).size,
      lost: count('lost'),
    },
  };
}

function paidTasks(simulator) {
  const { byIdempotencyKey } = simulator.bill();
  const prompts = new Map(
    simulator.asked().map(({ idempotencyKey, prompt }) => [idempotencyKey, prompt]),
  );
  return Object.entries(byIdempotencyKey).flatMap(([key, { taskIds }]) =>
    taskIds.map((id) => {
      const prompt = prompts.get(key);
      return { id, key, prompt, brief: RoundInput.idOfPrompt(prompt) };
    }),
  );
}

export function paidTwice(tasks) {
  return [...groupBy(tasks, ({ prompt }) => prompt)]
    .filter(([, same]) => same.length > 1)
    .map(([prompt, same]) => {
      const keys = new Set(same.map(({ key }) => key)).size;
      return `paid twice: "${prompt}", ${same.length} tasks under ${keys} keys`;
    });
}

/** A line without a task that says `unknown` stands for one task of its brief. */
export function lostTasks(tasks, lines) {
  const known = new Set(lines.map(({ task_id }) => task_id));
  const unknown = lines.filter(({ status, task_id }) => status === 'unknown' && task_id === null);
  const standing = groupBy(unknown, ({ brief_id }) => brief_id);
  const unnamed = groupBy(
    tasks.filter(({ id }) => !known.has(id)),
    ({ brief }) => brief,
  );
  return [...unnamed].flatMap(([brief, own]) =>
    own
      .slice(standing.get(brief)?.length ?? 0)
      .map(({ id, prompt }) => `lost: ${id} of ${brief} ("${prompt}") is in no line`),
  );
}

function missingLines(wanted, lines) {
  const byBrief = groupBy(lines, ({ brief_id }) => brief_id);
  const twice = [...byBrief]
    .filter(([, own]) => own.length > 1)
    .map(([brief, own]) => `${own.length} lines: ${brief}`);
  const missing = [...wanted.keys()].filter((brief) => !byBrief.has(brief));
  const stale = lines.filter(
    ({ brief_id, status, prompt }) =>
      status === 'succeeded' && wanted.has(brief_id) && wanted.get(brief_id) !== prompt,
  );
  return [
    ...twice,
    ...missing.map((brief) => `no line: ${brief}`),
    ...stale.map(({ brief_id, prompt }) => `earlier content: ${brief_id} has "${prompt}"`),
  ];
}

function notPictures({ status, assets }) {
  if (status !== 'succeeded') return [];
  return assets
    .filter(({ media_type }) => !media_type.startsWith('image/'))
    .map(({ path, media_type }) => `no picture: ${path} is ${media_type}`);
}

/** S4, by the manifest itself. */
function wrongSums(lines, { counts }) {
  const found = groupBy(lines, ({ status }) => status);
  const sums = ['succeeded', 'failed', 'unknown', 'cancelled']
    .map((status) => ({ status, lined: found.get(status)?.length ?? 0, told: counts[status] }))
    .filter(({ lined, told }) => lined !== told)
    .map(({ status, lined, told }) => `run.json: ${told} ${status} instead of ${lined}`);
  return [
    ...sums,
    ...(counts.pending === 0 ? [] : [`run.json: ${counts.pending} pending`]),
    ...(counts.admitted === lines.length
      ? []
      : [`run.json: ${counts.admitted} admitted instead of ${lines.length}`]),
  ];
}

async function complaints({ options, out }) {
  const process = new RoundProcess('verify', ['verify', out], options);
  const { code } = await process.start();
  return code === 0 ? [] : [`verify ended with ${code}: ${process.output}`];
}

function groupBy(items, nameOf) {
  const groups = new Map();
  for (const item of items) {
    const name = nameOf(item);
    groups.set(name, [...(groups.get(name) ?? []), item]);
  }
  return groups;
}
