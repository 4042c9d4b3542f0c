import type { Command, Help, HelpConfiguration, Option } from 'commander';
import { twinOf } from '../../session/option-twins.js';
import { firstLooks, optionGroups } from './first-look.js';

/** How much of a command its help tells: what most people need, or everything. */
export type HelpDepth = 'first look' | 'all';

/** A line of options that is shorter needs no headings. */
const fewOptions = 10;

export function depthOf(typed: readonly string[]): HelpDepth {
  return typed.includes('--all') ? 'all' : 'first look';
}

/** The words of a command behind the program's name; '' for the program. */
export function wordsOfCommand(command: Command): string {
  const { parent } = command;
  return parent === null ? '' : `${wordsOfCommand(parent)} ${command.name()}`.trim();
}

/** Puts the options of a command, and of those below it, under the headings of the help. */
export function groupOptions(command: Command): void {
  for (const below of command.commands) groupOptions(below);
  if (command.options.length <= fewOptions) return;
  for (const option of command.options) {
    const group = groupOf(option);
    if (group !== null) option.helpGroup(group);
  }
}

function groupOf(option: Option): string | null {
  const found = Object.entries(optionGroups).find(([, names]) => names.includes(option.name()));
  return found?.[0] ?? null;
}

/** For commander: help in groups, examples first, each line about one thing. */
export function helpLayout(depth: HelpDepth): HelpConfiguration {
  return {
    // Commander leaves a column of texts that is narrower than 40 unbroken: on 80 columns that is this program's own.
    minWidthToWrap: 20,
    visibleOptions: (command) => visibleOptions(command, depth),
    visibleCommands: (command) => visibleCommands(command, depth),
    subcommandTerm: (command) => command.name(),
    optionDescription: (option) => optionText(option, depth),
    formatHelp: (command, helper) => formatHelp(command, helper, depth),
  };
}

function visibleOptions(command: Command, depth: HelpDepth): Option[] {
  const shown = command.options.filter(({ hidden }) => !hidden);
  const most = depth === 'all' ? undefined : firstLooks[wordsOfCommand(command)]?.most;
  // The program has its version alone, which is no part of a first look.
  if (command.parent === null) return depth === 'all' ? shown : [];
  return most === undefined ? shown : shown.filter((option) => most.includes(option.name()));
}

function visibleCommands(command: Command, depth: HelpDepth): Command[] {
  const most = depth === 'all' ? undefined : firstLooks[wordsOfCommand(command)]?.most;
  if (command.parent !== null || most === undefined) return [...command.commands];
  return command.commands.filter((below) => most.includes(below.name()));
}

/** In a first look what an option is, without its fine print. */
function optionText(option: Option, depth: HelpDepth): string {
  if (depth === 'first look') return option.description.split(/;| \((?:default|see): /)[0] ?? '';
  const further: string[] = [];
  if (option.argChoices) further.push(`one of ${option.argChoices.join(', ')}`);
  const standard: unknown = option.defaultValueDescription ?? option.defaultValue;
  if (standard !== undefined && standard !== false) further.push(`default: ${String(standard)}`);
  const { envVar } = option;
  if (envVar !== undefined && envVar !== twinOf(option.name())) further.push(`env: ${envVar}`);
  return further.length === 0
    ? option.description
    : `${option.description} (${further.join('; ')})`;
}

function formatHelp(command: Command, helper: Help, depth: HelpDepth): string {
  const width = helper.helpWidth ?? 80;
  const termWidth = helper.padWidth(command, helper);
  const item = (term: string, text: string) => helper.formatItem(term, termWidth, text, helper);
  const prose = (text: string) => helper.boxWrap(text, width);
  const [does = '', ...notes] = command.description().split('\n\n');
  const lines = [`Usage: ${helper.commandUsage(command)}`, prose(does), ''];
  lines.push('Examples:', ...examplesOf(command).map((example) => `  ${example}`));
  const takes = helper
    .visibleArguments(command)
    .map((argument) => item(helper.argumentTerm(argument), helper.argumentDescription(argument)));
  if (takes.length > 0) lines.push('Arguments:', ...takes);
  const options = helper.groupItems(
    inOrder(command.options),
    helper.visibleOptions(command),
    (option) => option.helpGroupHeading ?? 'Options:',
  );
  for (const [heading, group] of options) {
    if (group.length > 0) lines.push(heading);
    for (const option of group) {
      lines.push(item(helper.optionTerm(option), helper.optionDescription(option)));
    }
  }
  const commands = helper.groupItems(
    [...command.commands],
    helper.visibleCommands(command),
    (below) => below.helpGroup() || 'Commands:',
  );
  for (const [heading, group] of commands) {
    if (group.length > 0) lines.push(heading);
    for (const below of group) {
      lines.push(item(helper.subcommandTerm(below), helper.subcommandDescription(below)));
    }
  }
  const told = depth === 'all' ? notes : notes.slice(0, command.parent === null ? 0 : 1);
  for (const note of told) lines.push('', note);
  const rest =
    depth === 'all' ? twinsText(command) : leftOutText(command, helper, notes.length - 1);
  if (rest !== '') lines.push('', prose(rest));
  return `${lines.join('\n')}\n`;
}

/** Groups are shown in the order in which an option of theirs comes first. */
function inOrder(options: readonly Option[]): Option[] {
  const headings = Object.keys(optionGroups);
  const place = ({ helpGroupHeading: heading }: Option) =>
    heading === undefined ? headings.length : headings.indexOf(heading);
  return [...options].sort((left, right) => place(left) - place(right));
}

/** Whole commands, as a shell takes them. */
export function examplesOf(command: Command): string[] {
  const { examples } = firstLooks[wordsOfCommand(command)] ?? { examples: [] };
  return examples.map((example) => `rivya-batch ${example}`);
}

/** Told once, and not at each of them. */
function twinsText(command: Command): string {
  if (command.parent === null) return '';
  const shown = command.options.filter(({ hidden }) => !hidden);
  const example = shown.find((option) => option.envVar === twinOf(option.name()));
  if (example === undefined) return '';
  const without = shown.filter(({ envVar }) => envVar === undefined).map(({ long }) => long);
  const but = without.length === 0 ? '' : `; these have none: ${without.join(', ')}`;
  return `Options have a twin in the environment, such as ${example.envVar} for ${example.long}${but}.`;
}

/** What a first look left out, and how to see it. */
function leftOutText(command: Command, helper: Help, notes: number): string {
  const words = wordsOfCommand(command);
  const all = `rivya-batch ${words} --help --all`.replace('  ', ' ');
  if (command.parent === null) {
    const shown = helper.visibleCommands(command);
    const others = command.commands.filter((below) => !shown.includes(below));
    const names = others.map((below) => below.name()).join(', ');
    return `Also: ${names}. All of them, the environment and the exit codes: ${all}. What a command takes: rivya-batch COMMAND --help.`;
  }
  const shown = helper.visibleOptions(command);
  const counts = new Map<string, number>();
  for (const option of inOrder(command.options)) {
    if (option.hidden || shown.includes(option)) continue;
    const group = (option.helpGroupHeading ?? 'Others:').slice(0, -1).toLowerCase();
    counts.set(group, (counts.get(group) ?? 0) + 1);
  }
  const left = [...counts].map(([group, count]) => `${count} of ${group}`);
  if (left.length > 0) return `More options (${left.join(', ')}): ${all}`;
  return notes > 0 ? `There is more to it: ${all}` : '';
}
