import { readFile, rm, stat } from 'node:fs/promises';
import { chosenStatuses, isChosen, type RetryChoice } from '../../batch/retry.js';
import type { BatchLedger } from '../../ledger/batch-ledger.js';
import { makeInputFolder } from '../../producer/compile-input.js';
import type { InputFormat } from '../../producer/options.js';
import { didYouMean, nearNames } from '../../producer/rows/suggest-name.js';
import { openSource } from '../../producer/sources/open-source.js';
import { readRows } from '../../producer/sources/read-rows.js';
import { formatOf, type Source } from '../../producer/sources/source.js';
import { InputWarnings } from '../../producer/warnings.js';
import { BatchError } from '../../shared/errors.js';
import type { LineStatus, ManifestLine } from '../../shared/manifest-line.js';
import { counted, quoteName } from '../../shared/quantities.js';

/** Which lines of a manifest a retry is for. */
export interface LinesWanted {
  statuses: readonly LineStatus[];
  wants(line: ManifestLine): boolean;
  /** Ids that were asked for and have had no line so far. */
  unseen(): string[];
  /** The error codes of all lines that were looked at, where one was asked for. */
  codesSeen(): string[];
  idsSeen(): string[];
}

export async function linesWanted({
  status,
  ids,
  code,
}: {
  status?: LineStatus[];
  ids?: string;
  code?: string[];
}): Promise<LinesWanted> {
  const wantedIds = ids === undefined ? undefined : new Set(await readIds(ids));
  const choice: RetryChoice = { statuses: status, codes: code, ids: wantedIds };
  const codes = new Map<string, number>();
  const seen = new Set<string>();
  return {
    statuses: chosenStatuses(choice),
    wants: (line) => {
      const { brief_id: id, error } = line;
      if (wantedIds) seen.add(id);
      if (error !== null) codes.set(error.code, (codes.get(error.code) ?? 0) + 1);
      return isChosen(choice, line);
    },
    unseen: () => [...(wantedIds ?? [])].filter((id) => !seen.has(id)),
    idsSeen: () => [...seen],
    codesSeen: () => (code ? [...codes].map(([name, count]) => `${name} (${count})`) : []),
  };
}

/** What is there as a file is a file; else ids, separated by commas. */
async function readIds(text: string): Promise<string[]> {
  const isFile = await stat(text).then(
    (stats) => stats.isFile(),
    () => false,
  );
  const ids = isFile ? await idsInFile(text) : text.split(',');
  const named = ids.map((id) => id.trim()).filter((id) => id !== '');
  if (named.length > 0) return named;
  throw new BatchError('bad_input', `--ids: there is no id in ${text}.`);
}

async function idsInFile(path: string): Promise<string[]> {
  const format = formatOf(path);
  const inColumn = format === null ? null : await idsInTable(path, format);
  if (inColumn !== null) return inColumn;
  return (await readFile(path, 'utf8')).replace(/^\ufeff/, '').split(/\r?\n/);
}

/**
 * A table such as `manifest.csv`, or what is left of it after a look through it in a spreadsheet; null for a single
 * column that is called otherwise: a list without a head.
 */
async function idsInTable(path: string, format: InputFormat): Promise<string[] | null> {
  const folder = await makeInputFolder();
  try {
    const options = { format, delimiter: null, items: null };
    const place = { folder, warnings: new InputWarnings() };
    return await idsIn(await openSource(path, options, place), path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function idsIn(source: Source, path: string): Promise<string[] | null> {
  const ids: string[] = [];
  for await (const group of readRows(source)) {
    for (const row of group) {
      if (row.kind === 'unreadable') continue;
      const id = row.get('brief_id') ?? row.find('id');
      if (id !== undefined) ids.push(String(id));
      else if (row.columns.length === 1) return null;
      else throw new BatchError('bad_input', `${path}: it has no column brief_id or id.`);
    }
  }
  return ids.length === 0 ? null : ids;
}

/**
 * A mistyped id would leave its brief as it is without a word.
 * @throws BatchError `bad_input`
 */
export async function refuseUnseen(ledger: BatchLedger, wanted: LinesWanted): Promise<void> {
  const unseen = wanted.unseen();
  if (unseen.length === 0) return;
  // What has no line yet is being made: there is nothing to open.
  const states = await ledger.briefs.stateTexts(unseen);
  const unknown = unseen.filter((_, index) => states[index] === null);
  const [first] = unknown;
  if (first === undefined) return;
  const near = didYouMean(nearNames(first, wanted.idsSeen()));
  const meant = near === '' ? '' : ` (${near})`;
  const more = unknown.length === 1 ? '' : `, nor of ${counted(unknown.length - 1, 'other')}`;
  throw new BatchError(
    'bad_input',
    `Batch ${ledger.batch} has no brief with the id ${quoteName(first)}${meant}${more}, and there is no file of that name. "rivya-batch manifest" lists the ids. Nothing was changed.`,
  );
}
