// Writes docs/options.md and a page for each command in docs/commands/, made of what the help is made of; with `--print` it
// only says what it would write, as JSON.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { optionGroups } from '../dist/cli/help/first-look.js';
import { examplesOf } from '../dist/cli/help/help-layout.js';
import { createProgram } from '../dist/cli/program.js';
import { twinOf } from '../dist/session/option-twins.js';

const pageHead = `<!-- Made by \`npm run options\` of the commands: change scripts/command-pages.mjs or the commands, not this page. -->
`;

const head = `<!-- Made by \`npm run options\` of the commands: change scripts/command-pages.mjs or the commands, not this page. -->

# Commands, options and environment

Here you look up what a command is called, where settings come from, and which commands take an option. Each command has a page of its own, which says what its options are when you say nothing; so does \`--help --all\` behind the command.

- [Where settings come from](#where-settings-come-from) · [Environment](#environment) · [Commands](#commands) · [Options](#options)

## Where settings come from

An option wins over the [recipe](recipes.md), the recipe over the environment, the environment over \`.env\` in the current folder, that over the default. A variable that is set to nothing counts as not set.

Nearly every option has a twin in the environment: \`--in-flight\` is \`RIVYA_BATCH_IN_FLIGHT\`, and so on. What pays again or skips a question has none and is typed each time (\`--force\`, \`--fresh\`, \`--yes\`, \`--abandon\`, \`--ids\`, \`--run\`): a variable of that name does nothing, and a warning says so. \`--json\`, \`--csv\`, \`--no-wait\`, \`--no-login\`, \`--take\`, \`--apply\` and the simulator's \`--rate\` have none either. For switches (\`--skip-invalid\`, \`--strict\`, \`--only-changed\`) the twin's values \`false\`, \`no\` and \`off\` count as not set; anything else switches on. The twin of a repeatable option holds one value.

\`continue BATCH\` takes the options of the command that it gives again, and heeds no twins: it has the options that the command had. \`schedule set\` takes all options of \`schedule add\`, and heeds no twins either: what is not typed stays as it is.

## Environment

These stand for no option:

| variable | default | meaning |
|---|---|---|
| \`RIVYA_API_KEY\` | | your key; begins with \`rvya_sk_\` |
| \`RIVYA_API_KEY_FILE\`, \`REDIS_URL_FILE\`, \`RIVYA_BATCH_NOTIFY_SECRET_FILE\`, \`MONITOR_PASSWORD_FILE\`, \`RIVYA_BATCH_HOOKS_PATH_FILE\` | | a file that holds the value of the variable without \`_FILE\`, in its place; its last newline does not count. Both at once are refused |
| \`RIVYA_KEY_LABEL\` | | what you call this key, at most 64 characters: \`status\`, \`doctor\` and the monitor show it in place of a hash |
| \`RIVYA_BASE_URL\` | \`https://rivya.ai\` | the API's origin, without a path |
| \`REDIS_URL\` | a private Redis | \`redis://\`, \`rediss://\` (TLS), \`unix://\` or the path of a socket |
| \`RIVYA_BATCH_HOME\` | \`.rivya-batch\` in the current folder | where the private Redis keeps its data, the API's last list of models, and references that had to be fetched |
| \`S3_ENDPOINT\` | Amazon S3 | the service that holds \`s3://\` addresses: \`https://host[:port]\`, of a service that writes on conditions (\`If-Match\`, \`If-None-Match\`) |
| \`AWS_PROFILE\`, \`AWS_ACCESS_KEY_ID\`, \`AWS_SECRET_ACCESS_KEY\`, \`AWS_SESSION_TOKEN\`, \`AWS_REGION\` | | who may use \`s3://\` addresses, and where they are: these and the files in \`~/.aws\`, SSO, and the roles of machines and containers count, as for every program with the AWS SDK |
| \`RIVYA_BATCH_HIGH_WATER\` | 30000 | how many briefs of a \`run\` may be without a line in Redis; more are admitted as these are made |
| \`RIVYA_BATCH_NOTIFY_SECRET\` | | what [messages to webhooks](notify.md#signatures) are signed with; begins with \`whsec_\` |
| \`MONITOR_PASSWORD\` | | the [monitor](monitor.md)'s password; it does not start without |
| \`MONITOR_USER\` | \`monitor\` | the monitor's user |
| \`HTTPS_PROXY\`, \`HTTP_PROXY\`, \`NO_PROXY\` | | for requests to the API and downloads. Names of result hosts are looked up here first, and those that lead into a private network are not fetched; a name that this machine cannot resolve is the proxy's to refuse |
| \`NODE_EXTRA_CA_CERTS\` | | Node's own: a file with further certificate authorities |

## Commands

In an argument, \`BATCH\` is a batch's name (\`status\` lists them), \`FOLDER\` one that was given with \`--out\`.
`;

const optionsHead = `## Options

Progress always goes to stderr; with \`--json\`, stdout holds JSON alone. Where no default stands, nothing is assumed: no cap, no filter, no file.

What some of them mean in full: [\`--where\`, \`--fill-down\`, \`--unique\`, \`--limit\`, \`--sample\`](input.md#which-rows), [templates](templates.md), [\`--recipe\`](recipes.md), [\`--references\`](references.md), [\`--force\` and \`--fresh\`](again.md), [\`--rate\`, \`--in-flight\`](pace.md), [\`--key-life\`](guarantees.md#what-is-done-after-each-answer-to-a-submission), [\`--cron\`, \`--overlap\`, \`--missed\`, \`--only-changed\`, \`--unset\`](schedules.md), [\`--notify\`, \`--notify-on\`, \`--notify-private\`](notify.md), [\`--stages\`, \`--health-port\`](machines.md), [\`--hooks-port\` and what belongs to it](hints.md), [\`--allow-actions\`, \`--no-login\`](monitor.md), [\`--take\`](manifest.md#what-people-decide), [\`--by\`](costs.md), [\`--fault\`](simulator.md).

- \`--out\` is needed for \`run\` and \`schedule add\` (a recipe can say it, too).
- \`--id\` and \`--model\` may be templates, such as \`{{sku}}-{{size}}\`.
- \`--batch\`: letters, digits and \`. _ @ + -\`, at most 80.
- \`--param\`, \`--fill-down\`, \`--where\` and the simulator's \`--fault\` can be given several times.
- \`--rate\` counts submissions and reads, and no downloads. Where the \`--rate\` or \`--in-flight\` of several machines differ, the strictest counts.
- \`--trial N\`: the same command without it goes on; not with \`--force\`. \`--ask-above\` asks on a terminal alone; \`--yes\` never asks.
- \`--prefix\` is \`rivya-batch\` where nothing is said; with another one, several installations share one Redis.
- \`--delimiter\` understands the word \`tab\`.
- \`--rejected FILE\`: the same faults as CSV go beside it.
- \`--max-credits-per-day\` counts what all batches of this key spend, seen from this batch; like \`--max-credits\` it is kept until changed, and \`none\` lifts it.
- \`--priority\` decides among the open batches of one key whose next brief is submitted; one of a lower priority is never left out altogether. It is kept until changed; the same command with another one changes it.

`;

/** What is read for more than a command's options. */
const guides = {
  init: ['recipes', 'input'],
  run: ['input', 'templates', 'recipes', 'again', 'pace'],
  check: ['input', 'templates', 'models-and-params'],
  enqueue: ['machines', 'input', 'recipes'],
  continue: ['again'],
  status: ['steer', 'troubleshooting'],
  pause: ['steer'],
  resume: ['steer'],
  cancel: ['steer'],
  retry: ['again'],
  forget: ['operations'],
  prune: ['operations'],
  manifest: ['manifest'],
  sheet: ['review'],
  review: ['review'],
  verify: ['guarantees', 'manifest'],
  costs: ['costs'],
  worker: ['machines', 'operations', 'pace'],
  schedule: ['schedules'],
  monitor: ['monitor'],
  webhooks: ['hints'],
  models: ['models-and-params'],
  credits: ['costs'],
  doctor: ['troubleshooting'],
  completion: ['completion'],
  simulator: ['simulator'],
};

const capitals = (flags) => flags.replace(/<([^>]*)>/g, (_, word) => word.toUpperCase());
const cell = (text) => text.replaceAll('|', '\\|').replaceAll(/\{\{.*?\}\}/g, '`$&`');
const code = (text) => `\`${text}\``;

/** Commands that do something by themselves, each under the words that are typed. */
function leavesOf(command) {
  if (command.commands.length === 0) return [{ name: command.name(), command }];
  return command.commands.map((leaf) => ({
    name: `${command.name()} ${leaf.name()}`,
    command: leaf,
  }));
}

function usageOf({ name, command }) {
  const words = command
    .usage()
    .replace(/^\[options\] ?/, '')
    .replace(/\[options\.\.\.\]/, '');
  const typed = capitals(words).replace(
    /\[([\w ]+)(\.*)\]/g,
    (_, word, dots) => `[${word.toUpperCase()}${dots}]`,
  );
  return `${name} ${typed}`.trim();
}

function commandTables(program) {
  const groups = groupBy(program.commands, (command) => command.helpGroup());
  return [...groups].map(([heading, commands]) => {
    const rows = commands.flatMap((command) =>
      leavesOf(command).map((leaf) => {
        const does = leaf.command.summary() || leaf.command.description();
        return `| [${code(usageOf(leaf))}](commands/${command.name()}.md) | ${cell(does)} |`;
      }),
    );
    return `### ${heading.replace(':', '')}\n\n| command | does |\n|---|---|\n${rows.join('\n')}\n`;
  });
}

function groupBy(items, keyOf) {
  const groups = new Map();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

/** Which commands take an option, and what stands for it in the environment. */
function optionIndex(program) {
  const names = new Map();
  for (const command of program.commands) {
    for (const { name, command: leaf } of leavesOf(command)) {
      for (const { long, envVar } of leaf.options.filter(({ hidden }) => !hidden)) {
        const of = names.get(long) ?? { links: [], twins: new Set() };
        of.links.push(`[${name}](commands/${command.name()}.md)`);
        if (envVar) of.twins.add(code(envVar));
        names.set(long, of);
      }
    }
  }
  const rows = [...names]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([long, { links, twins }]) => {
      return `| ${code(long)} | ${[...twins].join(', ')} | ${links.join(', ')} |`;
    });
  return `| option | twin | of |\n|---|---|---|\n${rows.join('\n')}\n`;
}

function optionRow(option) {
  const [, text = '', inText] = /^(.*?)(?: \(default: (.*)\))?$/.exec(option.description) ?? [];
  const choices = option.argChoices ? `one of ${option.argChoices.map(code).join(', ')}` : '';
  const ownTwin = option.envVar && option.envVar !== twinOf(option.name());
  const twin = ownTwin ? `twin: ${code(option.envVar)}` : '';
  const meaning = [text, choices, twin].filter((part) => part !== '').join('; ');
  const value = cell(option.mandatory ? 'needed' : (inText ?? defaultOf(option)));
  return `| ${code(capitals(option.flags))} | ${value} | ${cell(meaning)} |`;
}

function defaultOf({ defaultValue, defaultValueDescription }) {
  if (defaultValueDescription) return defaultValueDescription;
  if (defaultValue === undefined) return '';
  if (defaultValue === false) return 'off';
  return typeof defaultValue === 'string' ? code(defaultValue) : String(defaultValue);
}

function optionTables(command) {
  const headings = [...Object.keys(optionGroups), undefined];
  const shown = command.options.filter(({ hidden }) => !hidden);
  return headings.flatMap((heading) => {
    const rows = shown.filter((option) => option.helpGroupHeading === heading).map(optionRow);
    if (rows.length === 0) return [];
    return `| ${heading?.replace(':', '').toLowerCase() ?? 'option'} | default | meaning |\n|---|---|---|\n${rows.join('\n')}\n`;
  });
}

function leafPart(leaf, level) {
  const { name, command } = leaf;
  const [does, ...notes] = command.description().split('\n\n');
  const takes = command.registeredArguments
    .filter(({ description }) => description)
    .map((argument) => `- ${code(argument.name().toUpperCase())}: ${argument.description}`);
  const twinless = command.options.filter(({ hidden, envVar }) => !hidden && !envVar);
  const twins =
    command.options.length === twinless.length
      ? ''
      : `${twinless.length === 0 ? '' : `No [twin in the environment](../options.md#where-settings-come-from): ${twinless.map(({ long }) => code(long)).join(', ')}. The others have one.`}\n`;
  const typed = ['```sh', ...examplesOf(command), '```'].join('\n');
  return [
    `${level} rivya-batch ${name}\n`,
    `${does[0].toUpperCase()}${does.slice(1)}.\n`,
    `${code(usageOf(leaf))}\n`,
    ...(takes.length === 0 ? [] : [`${takes.join('\n')}\n`]),
    `${typed}\n`,
    // Lines that stand in as they are, such as lists and what is typed, stay as they are.
    ...notes.map((note) => (/^ /m.test(note) ? `\`\`\`\n${note}\n\`\`\`\n` : `${note}\n`)),
    ...optionTables(command),
    ...(twins.trim() === '' ? [] : [twins]),
  ];
}

function commandPage(command) {
  const leaves = leavesOf(command);
  const [first] = leaves;
  const isOne = first.command === command;
  const guide = (guides[command.name()] ?? []).map((page) => `[${page}](../${page}.md)`).join(', ');
  const top = isOne
    ? leafPart(first, '#')
    : [
        `# rivya-batch ${command.name()}\n`,
        `${(command.summary() || command.description()).replace(/^./, (letter) => letter.toUpperCase())}.\n`,
        ...leaves.flatMap((leaf) => leafPart(leaf, '##')),
      ];
  const end = `More: ${guide}. All commands and options: [options](../options.md).\n`;
  return [pageHead, ...top, end].join('\n');
}

const program = await createProgram({}, 'all');
const pages = {
  'options.md': [head, ...commandTables(program), optionsHead + optionIndex(program)].join('\n'),
  ...Object.fromEntries(
    program.commands.map((command) => [`commands/${command.name()}.md`, commandPage(command)]),
  ),
};
if (process.argv.includes('--print')) process.stdout.write(JSON.stringify(pages));
else {
  const docs = new URL('../docs/', import.meta.url);
  mkdirSync(new URL('commands/', docs), { recursive: true });
  for (const name of readdirSync(new URL('commands/', docs))) {
    if (!(`commands/${name}` in pages)) rmSync(new URL(`commands/${name}`, docs));
  }
  for (const [name, page] of Object.entries(pages)) writeFileSync(new URL(name, docs), page);
}
