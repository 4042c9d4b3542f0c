import { Option } from 'commander';
import { wholeNumber } from './parse-number.js';

/** Which rows of the files are taken. */
export function rowOptions(): Option[] {
  return [
    new Option('--items <path>', 'where the list is in a JSON file, such as data.products'),
    new Option('--fill-down <columns>', 'empty cells take the value of the row above')
      .argParser(columns)
      .default([], 'none'),
    new Option(
      '--fill-down-within <column>',
      'values go down only within one value of this column',
    ),
    new Option('--where <condition>', "only rows such as 'Status = active'; repeatable")
      .argParser(texts)
      .default([], 'all'),
    new Option('--unique <column>', 'only the first row of each value of this column'),
    new Option('--limit <n>', 'only the first n rows').argParser(wholeNumber(1)),
    new Option('--sample <n>', 'only n rows, spread evenly').argParser(wholeNumber(1)),
  ];
}

/** What is made of a row beside its prompt. */
export function templateOptions(): Option[] {
  return [
    new Option(
      '--references <column>',
      'column with reference URLs, or a template (default: a column named references)',
    ),
    new Option(
      '--name <template>',
      'names of the files; {{n}} numbers those of one name (default: the ids)',
    ),
    new Option(
      '--keep-html',
      'leave HTML in a prompt as it is, instead of making text of it',
    ).default(false),
  ];
}

function columns(text: string, before: string[]): string[] {
  const names = text.split(',').map((name) => name.trim());
  return [...before, ...names.filter((name) => name !== '')];
}

function texts(text: string, before: string[]): string[] {
  return [...before, text];
}
