import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = new URL('../..', import.meta.url).pathname;

/** Everything that people read, from the folder of the repository. */
export const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

export function readPage(page: string): string {
  return readFileSync(join(root, page), 'utf8');
}

/** A command of ours that a page shows: its words behind `rivya-batch`, as a shell would give them. */
export interface ShownCommand {
  page: string;
  words: string[];
  /** Whether it reads a file through a pipe. */
  readsStdin: boolean;
}

/** Commands in blocks of shell text, and those that stand in a sentence. */
export function shownCommands(page: string): ShownCommand[] {
  const text = readPage(page);
  const blocks = [...text.matchAll(/^ *```sh\n(.*?)^ *```$/gms)].map(([, block = '']) => block);
  const spans = [...text.matchAll(/`((?:npx )?rivya-batch [^`\n]+)`/g)].map(
    ([, span = '']) => span,
  );
  return [...blocks, ...spans].flatMap((shell) => {
    return commandsIn(shell).flatMap((all) => {
      const from = all.indexOf('<');
      const typed = from < 0 ? all : all.slice(0, from);
      const words = wordsOfOurs(typed);
      return words === null ? [] : [{ page, words, readsStdin: from >= 0 }];
    });
  });
}

/** What follows `rivya-batch`, or stands in for it where a container has it as its entry point. */
function wordsOfOurs(words: string[]): string[] | null {
  // Its name is that of the package, too.
  if (words[0] === 'npm') return null;
  const ours = words.indexOf('rivya-batch');
  if (ours >= 0) return words.slice(ours + 1);
  if (words.slice(0, 3).join(' ') !== 'docker compose run') return null;
  return words.slice(words.findIndex((word) => /^(worker|collector)$/.test(word)) + 1);
}

/** A line that goes on, a comment, an end of a command, a word. */
const token = /\\\n|#.*|(\n|&&|;)|((?:'[^']*'|"[^"]*"|\\[^\n]|[^\s'"\\;])+)/g;

/** As a shell splits them: quotes, comments and lines that go on; nothing is substituted. */
function commandsIn(shell: string): string[][] {
  const commands: string[][] = [[]];
  for (const [, end, word] of shell.matchAll(token)) {
    if (end !== undefined) commands.push([]);
    else if (word !== undefined) commands.at(-1)?.push(unquoted(word));
  }
  return commands.filter((words) => words.length > 0);
}

function unquoted(word: string): string {
  return word.replaceAll(/'([^']*)'|"([^"]*)"|\\(.)/g, (_, single, double, escaped) => {
    return single ?? double ?? escaped;
  });
}
