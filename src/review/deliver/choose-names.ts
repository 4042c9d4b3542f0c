import {
  columnsOfName,
  fileNameOf,
  NameCounter,
  withNumber,
} from '../../producer/outputs/file-name.js';
import type { RowFault } from '../../producer/rejection.js';
import { ColumnNames, type Row } from '../../producer/rows/row.js';
import { suggestName } from '../../producer/rows/suggest-name.js';
import { readJsonRow } from '../../producer/sources/read-json.js';
import { parseTemplate, type Template } from '../../producer/template/template.js';
import { comparablePath } from '../../results/verify/check-manifest.js';
import { BatchError } from '../../shared/errors.js';
import type { ManifestLine } from '../../shared/manifest-line.js';
import { quoteName } from '../../shared/quantities.js';
import { safeName } from '../../shared/safe-name.js';
import { TextIndex } from '../../shared/text-index.js';

/** What a name may be made of beside the row's own columns, which come first. */
const ownColumns = ['id', 'model', 'output', 'row'] as const;

/** What the files of a brief are called, without what keeps them unique and without their extensions. */
export interface WantedNames {
  /** One for each file. */
  stems: string[];
  /** Why the template was not used for this brief; the end of a sentence. */
  fault: string | null;
}

/** The names that approved files want: of a template, else of what `--name` made of their row, else of their ids. */
export class NameChooser {
  readonly #counter = new NameCounter();

  private constructor(private readonly template: Template | null) {}

  /** @throws BatchError `bad_input` for a template that cannot be read, or that names a column that no row has */
  static of(text: string | null, inputColumns: readonly string[]): NameChooser {
    if (text === null) return new NameChooser(null);
    const template = columnsOfName(parseTemplate(text, '--name'));
    const columns = [...inputColumns, ...ownColumns];
    const names = new ColumnNames(columns);
    const unknown = template.columns.find(
      // A path leads into a value of JSON.
      (column) => !names.resolve(column) && !names.resolve(column.split('.')[0] ?? ''),
    );
    if (unknown === undefined) return new NameChooser(template);
    throw new BatchError(
      'bad_input',
      `--name needs a column ${quoteName(unknown)}, and there is none: ${suggestName(unknown, columns)}`,
    );
  }

  /** Called once for each brief, in input order: numbers are given as names are met. */
  namesOf(line: ManifestLine): WantedNames {
    const count = line.assets.length;
    const faults: RowFault[] = [];
    const row = this.template === null ? null : rowOf(line);
    const wanted = row === null ? null : fileNameOf(this.template, row, faults);
    const name = wanted ?? line.name ?? line.brief_id;
    const first = this.#counter.next(name, count);
    const stems = line.assets.map((_, index) => stemOf(withNumber(name, first + index)));
    const [fault] = faults;
    if (this.template === null || wanted !== null) return { stems, fault: null };
    return { stems, fault: fault === undefined ? 'the name is empty' : fault.reason };
  }
}

function rowOf({ brief_id: id, model, output = '', row, input }: ManifestLine): Row | null {
  const found = readJsonRow({ id, model, output, row, ...input }, row);
  return found.kind === 'unreadable' ? null : found;
}

/** A hyphen at the begin would be an option to a command, and a formula to a spreadsheet. */
function stemOf(name: string): string {
  return safeName(name).replace(/^-/, '_-');
}

export interface FileName {
  stem: string;
  /** Without the dot. */
  extension: string;
}

/** The names in a folder that are given, without regard to case. */
export class GivenNames {
  /** The last number that was given of each name. */
  readonly #last = new TextIndex(1);

  /**
   * The next name that nobody has: the first is as it is wanted, others have a number behind `~`, which no wanted name
   * holds.
   * @param position of a file among several of its brief that want one name, from 1: it has a number in any case
   */
  next({ stem, extension }: FileName, position: number | null): string {
    const { words } = this.#last.claim(comparablePath(`${stem}.${extension}`));
    const number = Math.max(position ?? 1, (words[0] ?? 0) + 1);
    words[0] = number;
    return `${stem}${number === 1 && position === null ? '' : `~${number}`}.${extension}`;
  }
}
