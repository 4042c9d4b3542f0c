import type { Argument, Command, Help, HelpConfiguration, Option } from 'commander';
import { twinOf } from '../../session/option-twins.js';
import { type FirstLook, firstLooks, optionGroups } from './first-look.js';

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
    visibleArguments: (command) => command.registeredArguments.filter(isTold),
    subcommandTerm: (command) => command.name(),
    optionDescription: (option) => optionText(option, depth),
    argumentDescription: ({ description }) =>
      depth === 'all' ? description : inShort(description),
    formatHelp: (command, helper) => formatHelp(command, helper, depth),
  };
}

const isTold = ({ description }: Argument) => description !== '';

/** The names under each heading of a first look; null where it has all there is. */
function mostOf(command: Command, depth: HelpDepth): FirstLook['most'] | null {
  return (depth === 'first look' && firstLooks[wordsOfCommand(command)]?.most) || null;
}

function visibleOptions(command: Command, depth: HelpDepth): Option[] {
  const shown = command.options.filter(({ hidden }) => !hidden);
  const most = mostOf(command, depth);
  if (!most) return shown;
  const names = Object.values(most).flat();
  return shown.filter((option) => names.includes(option.name()));
}

function visibleCommands(command: Command, depth: HelpDepth): Command[] {
  const most = mostOf(command, depth);
  if (!most || command.parent !== null) return [...command.commands];
  const names = Object.values(most).flat();
  return command.commands.filter((below) => names.includes(below.name()));
}

/** What something is, without its fine print. */
function inShort(description: string): string {
  return description.split(/;| \((?:default|see): /)[0] ?? '';
}

function optionText(option: Option, depth: HelpDepth): string {
  if (depth === 'first look') {
    const choices = option.argChoices ? `: ${option.argChoices.join(', ')}` : '';
    return `${inShort(option.description)}${choices}`;
  }
  const [, text = '', inText] = /^(.*?)(?: \((.*?)\))?$/s.exec(option.description) ?? [];
  const further = inText === undefined ? [] : [inText];
  if (option.argChoices) further.push(`one of ${option.argChoices.join(', ')}`);
  const standard: unknown = option.defaultValueDescription ?? option.defaultValue;
  if (standard !== undefined && standard !== false) further.push(`default: ${String(standard)}`);
  const { envVar } = option;
  if (envVar !== undefined && envVar !== twinOf(option.name())) further.push(`env: ${envVar}`);
  return further.length === 0 ? text : `${text} (${further.join('; ')})`;
}

/** A line of the help below its heading. */
interface Item {
  name: string;
  heading: string;
  term: string;
  text: string;
}

function formatHelp(command: Command, helper: Help, depth: HelpDepth): string {
  const width = helper.helpWidth ?? 80;
  const termWidth = helper.padWidth(command, helper);
  const prose = (text: string) => helper.boxWrap(text, width);
  const [does = '', ...notes] = command.description().split('\n\n');
  const lines = [`Usage: ${helper.commandUsage(command)}`, prose(asSentence(does)), ''];
  lines.push('Examples:', ...examplesOf(command).map((example) => `  ${example}`));
  for (const [heading, items] of sectionsOf(command, helper, depth)) {
    lines.push(
      heading,
      ...items.map(({ term, text }) => helper.formatItem(term, termWidth, text, helper)),
    );
  }
  const told = depth === 'all' ? notes : notes.slice(0, command.parent === null ? 0 : 1);
  for (const note of told) lines.push('', note);
  const rest =
    depth === 'all' ? twinsText(command) : leftOutText(command, helper, notes.length - told.length);
  if (rest !== '') lines.push('', ...rest.split('\n').map(prose));
  return `${lines.join('\n')}\n`;
}

function asSentence(does: string): string {
  return `${does.charAt(0).toUpperCase()}${does.slice(1)}${does.endsWith('.') ? '' : '.'}`;
}

function sectionsOf(command: Command, helper: Help, depth: HelpDepth): [string, Item[]][] {
  const items: Item[] = [
    ...helper.visibleArguments(command).map((argument) => ({
      name: argument.name(),
      heading: 'Arguments:',
      term: helper.argumentTerm(argument),
      text: helper.argumentDescription(argument),
    })),
    ...inOrder(helper.visibleOptions(command)).map((option) => ({
      name: option.name(),
      heading: option.helpGroupHeading ?? 'Options:',
      term: helper.optionTerm(option),
      text: helper.optionDescription(option),
    })),
    ...helper.visibleCommands(command).map((below) => ({
      name: below.name(),
      heading: below.helpGroup() || 'Commands:',
      term: helper.subcommandTerm(below),
      text: helper.subcommandDescription(below),
    })),
  ];
  const most = mostOf(command, depth);
  if (most) {
    return Object.entries(most).map(([heading, names]) => [
      heading,
      names.flatMap((name) => items.filter((item) => item.name === name)),
    ]);
  }
  const headings = [...new Set(items.map(({ heading }) => heading))];
  return headings.map((heading) => [heading, items.filter((item) => item.heading === heading)]);
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

/** Told once, and not at each of them; those that are the fewer by name. */
function twinsText(command: Command): string {
  if (command.parent === null) return '';
  const shown = command.options.filter(({ hidden }) => !hidden);
  const twinned = shown.filter((option) => option.envVar === twinOf(option.name()));
  const [example] = twinned;
  if (example === undefined) return '';
  const without = shown.filter(({ envVar }) => envVar === undefined).map(({ long }) => long);
  if (without.length > twinned.length) {
    const named = twinned.map(({ long, envVar }) => `${envVar} for ${long}`).join(', ');
    return `These options have a twin in the environment: ${named}.`;
  }
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
    return `Also: ${names}.\nOptions: rivya-batch COMMAND --help. Everything: ${all}`;
  }
  if (command.commands.length > 0) return `Options: rivya-batch ${words} COMMAND --help`;
  const shown = helper.visibleOptions(command);
  const left = command.options.filter(({ hidden }) => !hidden).length - shown.length;
  if (left > 0) return `${left} more option${left === 1 ? '' : 's'}: ${all}`;
  const isShort =
    shown.some((option) => optionText(option, 'all') !== optionText(option, 'first look')) ||
    helper
      .visibleArguments(command)
      .some(({ description }) => description !== inShort(description));
  return notes > 0 || isShort || twinsText(command) !== '' ? `In full: ${all}` : '';
}
