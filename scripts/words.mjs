// `npm run words`: every sentence that the command line prints in the tests' runs, in one list by command, to be read from top
// to bottom: the same thing by the same word everywhere, and none that leaves its reader without what to do. What can be
// held by a rule is held here: it fails where a sentence breaks one.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

const root = dirname(import.meta.dirname);
const list = join(root, 'words.txt');
/** What no sentence may hold. */
const rules = [
  [
    'names a library, or a code of its own',
    /\b(ioredis|undici|bullmq|zod|UND_ERR|command-argument)/i,
  ],
  // In brackets behind words it helps whoever searches for it.
  ['has an error code in place of words', /(?<![(\w])E[A-Z]{5,}\b/],
  [
    'has a plural for one',
    /(?<![\d.,] ?)\b1 (briefs|rows|files|credits|lines|results|tasks|batches|attempts|decisions|workers|pictures|requests(?!\/))\b/,
  ],
  ['has a singular with "were"', /\b1 \w+ were\b/],
  ['says "anew", "told" or "wallet"', /\banew\b|\((as )?told\)|\bwallet\b/],
  // A shorter one may be part of one that a narrow terminal has wrapped, or a heading.
  ['lacks a full stop', /^(?!SIMULATED|.*rivya-batch [^.]*$)[A-Z].{80,}(?<![.:?!")\]])$/],
];

/** They print what the input, the manifest or the list of models holds. */
const dataAlone = new Set(['manifest', 'models', 'costs']);

const folder = mkdtempSync(join(tmpdir(), 'rivya-batch-words-'));
const heard = join(folder, 'heard.jsonl');
const tests = [
  'scripts/test.mjs',
  '--project',
  'short',
  '--project',
  'long',
  ...process.argv.slice(2),
];
spawnSync(process.execPath, tests, {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, RIVYA_BATCH_HEARD: heard },
});
const printed = existsSync(heard) ? readFileSync(heard, 'utf8').trimEnd().split('\n') : [];
rmSync(folder, { recursive: true });
const sentences = listed(printed.map((line) => JSON.parse(line)));
writeFileSync(list, `${sentences.join('\n')}\n`);
console.log(`${sentences.length} sentences are in ${list}.`);

const faults = sentences.flatMap((line) => {
  const sentence = line.slice(line.indexOf('\t') + 1);
  return rules.filter(([, rule]) => rule.test(sentence)).map(([fault]) => `${fault}: ${sentence}`);
});
for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exitCode = 1;

/** One for each that differs in more than numbers, places, and what was typed. */
function listed(commands) {
  const byKind = new Map();
  for (const { parameters, stdout, stderr } of commands) {
    const [command = ''] = parameters;
    if (dataAlone.has(command) || parameters.includes('--json')) continue;
    const text = `${stdout}\n${stderr}`.replaceAll('\r', '\n');
    for (const line of stripVTControlCharacters(text).split('\n')) {
      const kind = kindOf(line, parameters);
      if (!/[a-z]{2} /i.test(kind) || kind.startsWith('{')) continue;
      const known = byKind.get(kind) ?? { line: line.trimEnd(), commands: new Set() };
      known.commands.add(command);
      byKind.set(kind, known);
    }
  }
  return [...byKind.values()]
    .map(({ line, commands: by }) => `${[...by].sort().slice(0, 3).join(', ')}\t${line}`)
    .sort();
}

function kindOf(line, parameters) {
  const typed = parameters.filter((word) => word.length > 2 && !word.startsWith('-'));
  const plain = typed.reduce((text, word) => text.replaceAll(word, '…'), line);
  return plain
    .replace(/"[^"]*"/g, '"…"')
    .replace(/(?:https?:|s3:)?\/\/?[\w.-]+[/:][^\s,;:"']*/g, '…')
    .replace(/\btask_\w+/g, '…')
    .replace(/\d[\w:.,-]*/g, '#')
    .replace(/\s+/g, ' ');
}
