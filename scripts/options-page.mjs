// Writes docs/options.md, made of the commands themselves; with `--print` it only says what it would write.
import { writeFileSync } from 'node:fs';
import { createProgram } from '../dist/cli/program.js';

const head = `<!-- Made by \`npm run options\` of the commands: change scripts/options-page.mjs or the commands, not this page. -->

# Commands, options and environment

Here you look up what a command is called, which options it takes, what they are when you say nothing, and which variable of the environment stands for each.

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

/** Commands that do something by themselves, each under the words that are typed. */
function leavesOf(program) {
  return program.commands.flatMap((command) => {
    if (command.commands.length === 0) return [{ name: command.name(), command }];
    return command.commands.map((leaf) => ({
      name: `${command.name()} ${leaf.name()}`,
      command: leaf,
    }));
  });
}

const capitals = (flags) => flags.replace(/<([^>]*)>/g, (_, word) => word.toUpperCase());
const cell = (text) => text.replaceAll('|', '\\|').replaceAll(/\{\{.*?\}\}/g, '`$&`');
const code = (text) => `\`${text}\``;

function commandRow({ name, command }) {
  const words = command
    .usage()
    .replace(/^\[options\] ?/, '')
    .replace(/\[options\.\.\.\]/, '');
  const typed = capitals(words).replace(
    /\[(\w+)(\.*)\]/g,
    (_, word, dots) => `[${word.toUpperCase()}${dots}]`,
  );
  return `| ${code(`${name} ${typed}`.trim())} | ${cell(command.description())} |`;
}

/** Options of several commands are one where they say the same. */
function optionsOf(program) {
  const rows = new Map();
  const leaves = leavesOf(program);
  const ofAdd = leaves.find(({ name }) => name === 'schedule add').command.options;
  const added = new Set(ofAdd.map((option) => option.name()));
  for (const { name, command } of leaves) {
    for (const option of command.options) {
      // Told in one sentence.
      const isKnown = name === 'schedule set' && added.has(option.name());
      if (option.hidden || (isKnown && option.name() !== 'prefix')) continue;
      const row = rowOf(option);
      const known = rows.get(row.join(' | ')) ?? { row, of: [] };
      known.of.push(name);
      rows.set(row.join(' | '), known);
    }
  }
  return [...rows.values()];
}

function rowOf(option) {
  const [, text = '', inText] = /^(.*?)(?: \(default: (.*)\))?$/.exec(option.description) ?? [];
  const choices = option.argChoices ? `one of ${option.argChoices.map(code).join(', ')}` : '';
  const meaning = [text, choices].filter((part) => part !== '').join('; ');
  const twin = option.envVar ? code(option.envVar) : '';
  const value = cell(option.mandatory ? 'needed' : (inText ?? defaultOf(option)));
  return [code(capitals(option.flags)), twin, value, cell(meaning)];
}

function defaultOf({ defaultValue, defaultValueDescription }) {
  if (defaultValueDescription) return defaultValueDescription;
  if (defaultValue === undefined) return '';
  if (defaultValue === false) return 'off';
  return typeof defaultValue === 'string' ? code(defaultValue) : String(defaultValue);
}

/** Two options or more that the same commands have stand in a table of their own. */
function optionTables(program) {
  const groups = byCommands(optionsOf(program));
  const shared = [...groups].filter(([, rows]) => rows.length > 1 && rows[0].of.length > 1);
  const others = [...groups.values()]
    .flat()
    .filter((row) => !shared.some(([, rows]) => rows.includes(row)));
  const tables = shared.map(([of, rows]) => {
    const lines = rows.map(({ row }) => `| ${row.join(' | ')} |`);
    return `### Of ${of}\n\n| option | twin | default | meaning |\n|---|---|---|---|\n${lines.join('\n')}\n`;
  });
  const lines = others.map(({ row: [flags, ...rest], of }) => {
    return `| ${flags} | ${of.map(code).join(', ')} | ${rest.join(' | ')} |`;
  });
  const rest = `### The others\n\n| option | of | twin | default | meaning |\n|---|---|---|---|---|\n${lines.join('\n')}\n`;
  return [...tables, rest].join('\n');
}

function ofText({ of }) {
  return of
    .map(code)
    .join(', ')
    .replace(/, ([^,]*)$/, ' and $1');
}

function byCommands(rows) {
  const groups = new Map();
  for (const row of rows) groups.set(ofText(row), [...(groups.get(ofText(row)) ?? []), row]);
  return groups;
}

const program = await createProgram({}, 'all');
const commands = leavesOf(program).map(commandRow).join('\n');
const page = `${head}| command | does |\n|---|---|\n${commands}\n\n${optionsHead}${optionTables(program)}`;
if (process.argv.includes('--print')) process.stdout.write(page);
else writeFileSync(new URL('../docs/options.md', import.meta.url), page);
