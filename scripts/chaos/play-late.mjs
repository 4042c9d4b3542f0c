import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RoundProcess } from './round-process.mjs';
import { adversaryBatch } from './set-up-round.mjs';
import { harm } from './strike.mjs';

/** As in the plain rounds: what takes longer hangs. */
const patienceMs = 300_000;
/** Whatever is the matter has passed by then, or will not. */
const mostRefusals = 8;
const hook = new URL('./end-at-command.mjs', import.meta.url).href;

/** Something is done to a finished batch, and the same command is given until it is finished once more. */
export async function playLate(round, strike) {
  round.log(`late ${JSON.stringify(strike)}`);
  if (strike.kind === 'forget') await forget(round, strike);
  else await harm(round, strike);
  await sleep(strike.restMs);
  await finishAgain(round);
}

/** `forget`, killed on its way and given again; whoever gave up in between runs the batch. */
async function forget(round, { kills }) {
  round.enqueued = false;
  for (const { command, next } of kills) {
    const { code } = await runOnce(round, ['forget', adversaryBatch], {
      NODE_OPTIONS: `--import=${hook}`,
      CHAOS_END_AT: String(command),
    });
    round.counts.forgets += 1;
    if (code !== null) return;
    if (next === 'run') await finishAgain(round);
    round.enqueued = false;
  }
  await runOnce(round, ['forget', adversaryBatch]);
}

async function runOnce({ options }, parameters, environment) {
  const process = new RoundProcess(parameters[0], parameters, options);
  const { code } = await process.start(environment);
  return { code, output: process.output };
}

/** The command is given until the batch is finished by its own word, with the table as it is now. */
export async function finishAgain(round) {
  const { processes, plan } = round;
  await round.losing;
  const patience = AbortSignal.timeout(patienceMs);
  const refused = { count: 0 };
  if (plan.topology === 'run') await runUntilFinished(round, { patience, refused });
  else await workUntilFinished(round, { patience, refused });
  for (const process of processes) process.signal('SIGTERM');
  await Promise.all(processes.map((process) => process.ended));
}

async function runUntilFinished({ processes }, { patience, refused }) {
  for (const process of processes) if (!process.isRunning) process.code = null;
  const isOver = ({ isRunning, code }) => !isRunning && (code === 0 || code === 3);
  while (!processes.every(isOver)) {
    for (const process of processes) {
      if (process.isRunning || isOver(process)) continue;
      countRefusal(process, refused);
      process.start();
    }
    if (patience.aborted) throw new Error('the round did not come to its end');
    await sleep(200);
  }
}

/** Bad usage and unexpected errors do not go away by trying again. */
function countRefusal({ name, code, output }, refused) {
  if (code !== 1 && code !== 2) return;
  refused.count += 1;
  if (refused.count > mostRefusals) {
    throw new Error(`${name} ends with ${code} again and again: ${output.slice(-1_500)}`);
  }
}

async function workUntilFinished(round, { patience, refused }) {
  const { processes, enqueuing } = round;
  while (!(await isFinished(round))) {
    for (const process of processes) if (!process.isRunning) process.start();
    if (!round.enqueued) {
      const { code } = await enqueuing.start();
      round.enqueued = code === 0;
      // Briefs that are being made with their earlier content are to be waited for.
      if (code === 1) countRefusal(enqueuing, refused);
    }
    if (patience.aborted) {
      throw new Error(`the round did not come to its end: ${enqueuing.output.slice(-1_500)}`);
    }
    await sleep(1_000);
  }
}

/** By the ledger, and by what lies in the folder. */
async function isFinished(round) {
  const path = join(round.out, 'run.json');
  if (!round.enqueued || !existsSync(path)) return false;
  if (JSON.parse(readFileSync(path, 'utf8')).state !== 'finished') return false;
  const { code, output } = await runOnce(round, ['status', adversaryBatch, '--json']);
  if (code !== 0) return false;
  const { state, unwritten, counts } = JSON.parse(/^\{.*\}$/m.exec(output)[0]);
  const written = JSON.parse(readFileSync(path, 'utf8')).counts;
  return state === 'finished' && unwritten === 0 && written.admitted === counts.admitted;
}
