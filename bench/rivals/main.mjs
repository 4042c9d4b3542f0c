// Side by side: ours and what one would use instead, under the same lost answers, the same 429s, the same kill.
import { parseArgs } from 'node:util';
import { makeBriefs } from './briefs.mjs';
import { atOnce, contenders } from './contenders.mjs';
import { tableRow } from './figures.mjs';
import { runContender } from './run-contender.mjs';
import { scenariosFor } from './scenarios.mjs';

const { values } = parseArgs({
  options: {
    briefs: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    /** Tasks end so much faster than in life (a picture's median: 12 s); all intervals of polling stay as they are. */
    speed: { type: 'string', default: '4' },
    /** Less than any contender would like to send with eight tasks at once. */
    'requests-per-second': { type: 'string', default: '3' },
    scenario: { type: 'string', multiple: true },
    contender: { type: 'string', multiple: true },
    /** Leaves the folders, with what each one said, and names them. */
    keep: { type: 'boolean', default: false },
  },
});
const count = Number(values.briefs);
const requestsPerSecond = Number(values['requests-per-second']);
const setup = { seed: Number(values.seed), speed: Number(values.speed), keep: values.keep };
const briefs = makeBriefs(count);
const wanted = (names, { name }) => !names || names.some((part) => name.includes(part));
const scenarios = scenariosFor(count, requestsPerSecond).filter((scenario) =>
  wanted(values.scenario, scenario),
);
const taking = contenders.filter((contender) => wanted(values.contender, contender));

const results = {};
for (const scenario of scenarios) {
  results[scenario.name] = {};
  const table = {};
  for (const contender of taking) {
    const figures = await runContender(contender, scenario, { briefs, ...setup });
    results[scenario.name][contender.name] = figures;
    table[contender.name] = tableRow(figures);
  }
  console.log(`\n${scenario.title} (${count} briefs, ${atOnce} at once)`);
  console.table(table);
}
const versions = Object.assign({}, ...taking.map((contender) => contender.versions));
const { seed, speed } = setup;
const settings = { briefs: count, atOnce, seed, speed, requestsPerSecond };
console.log(JSON.stringify({ settings, node: process.version, versions, results }));
