// What goes wrong, as settings of the simulator. Faults are bound to briefs, not drawn: a client that sends more
// requests would otherwise meet more of them.
import { markOf } from './briefs.mjs';

/** Every how many briefs, from which one on, how often each: of 60 briefs, 11 lose 13 answers to their submission. */
const lostAnswers = [
  { fault: 'lose-answer-after-accept', every: 10, from: 2, times: 1 },
  { fault: 'lose-answer-after-accept', every: 30, from: 7, times: 2 },
  { fault: 'gateway-after-accept', every: 20, from: 5, times: 1 },
  { fault: 'drop-read', every: 10, from: 4, times: 1 },
  { fault: 'gateway-read', every: 20, from: 9, times: 1 },
];

/** @param requestsPerSecond what the API takes where it refuses, over submissions and reads together */
export function scenariosFor(count, requestsPerSecond) {
  const faults = faultsFor(count);
  const rules = faults.map(({ rule }) => rule);
  const rate = { limit: requestsPerSecond, windowMs: 1000, retryAfter: 'seconds' };
  return [
    { name: 'calm', title: 'Nothing goes wrong', settings: {}, kill: false },
    {
      name: 'lost-answers',
      title: `Answers are lost: ${describe(faults)}`,
      settings: { faults: rules },
      kill: false,
    },
    {
      name: 'too-many-requests',
      title: `The API takes ${requestsPerSecond} requests a second and answers 429 with Retry-After beyond that`,
      settings: { rate },
      kill: false,
    },
    {
      name: 'killed',
      title: 'The client is killed (SIGKILL) at half time and started again',
      settings: {},
      kill: true,
    },
    {
      name: 'everything',
      title: 'All of this together',
      settings: { faults: rules, rate },
      kill: true,
    },
  ];
}

function faultsFor(count) {
  return lostAnswers.flatMap(({ fault, every, from, times }) => {
    const indexes = [];
    for (let index = from; index < count; index += every) indexes.push(index);
    return indexes.map((index) => ({
      fault,
      times,
      rule: `${fault}:${times}x:prompt=${markOf(index)}`,
    }));
  });
}

function describe(faults) {
  const counts = new Map();
  for (const { fault, times } of faults) counts.set(fault, (counts.get(fault) ?? 0) + times);
  return [...counts].map(([fault, times]) => `${times} x ${fault}`).join(', ');
}
