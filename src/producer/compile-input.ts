import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PreparedBrief } from '../shared/brief.js';
import { BatchError } from '../shared/errors.js';
import { counted } from '../shared/quantities.js';
import type { ReferenceFile } from '../shared/reference-items.js';
import { type Compilation, compileSource, type InputCounts, takenRows } from './compile-rows.js';
import { IdIndex } from './id-index.js';
import type { Mapping } from './mapping/mapping.js';
import { parseMapping } from './mapping/parse-mapping.js';
import { type InputOptions, lenientChecks } from './options.js';
import { NameCounter } from './outputs/file-name.js';
import { indexModels } from './outputs/known-models.js';
import { RowPreparer } from './outputs/prepare-row.js';
import { NeededUploads, ReferenceFiles } from './references/files.js';
import type { Rejection } from './rejection.js';
import { RowSelection, Sample, type SelectionOptions } from './rows/select-rows.js';
import { openSource } from './sources/open-source.js';
import { delimiterFault, type Source } from './sources/source.js';
import { readBriefs, readRejections, Spool } from './spool.js';
import { type Step, StepCounts } from './steps/step-counts.js';
import { type InputWarning, InputWarnings } from './warnings.js';

export type { InputOptions } from './options.js';
export type { Rejection } from './rejection.js';

/** The whole input, read and checked; briefs and faults wait on disk. */
export interface CompiledInput {
  counts: InputCounts;
  /** Equal where ids and contents of all briefs are, and their order. */
  digest: string;
  /** In input order, in constant memory; may be iterated more than once. */
  briefs(): AsyncIterable<PreparedBrief>;
  /** One for each fault, in input order; a row may have several. */
  rejections(): AsyncIterable<Rejection>;
  /** Briefs of each model. */
  modelUse: Map<string, number>;
  /** Briefs of each output of a recipe that has several, in the order in which they are made of a row. */
  outputs: Map<string, number>;
  /** The same with what else a plan shows of them; none where no output comes after another. */
  steps: Step[];
  /** What may be a slip in rows that were taken. */
  warnings: InputWarning[];
  /** Files that briefs refer to, each content once. */
  files: readonly ReferenceFile[];
  /** How many of them are to be uploaded, for each model that they go to. */
  uploads: number;
  /** Removes the spool; nothing can be iterated after that. */
  dispose(): Promise<void>;
}

/**
 * Reads all files to their end and checks every row, before anything is handed on.
 * Equal content under one id is generated once; one id with two contents rejects the later row.
 * Without an id, the id is the head of the content's fingerprint.
 *
 * @throws BatchError `bad_input` for faults of options or whole files, one sentence (and line) for each.
 */
export async function compileInput(options: InputOptions): Promise<CompiledInput> {
  refuseImpossible(options);
  const mapping = parseMapping(options);
  const folder = await makeInputFolder();
  const dispose = () => rm(folder, { recursive: true, force: true });
  try {
    const warnings = new InputWarnings();
    const compilation = await startCompilation(options, { mapping, folder, warnings });
    await compileFiles(options, compilation, folder);
    const { briefs, rejections, counts, modelUse, steps, uploads, digest } = compilation;
    return {
      counts,
      digest: digest.digest('hex'),
      briefs: () => readBriefs(briefs),
      rejections: () => readRejections(rejections),
      modelUse,
      outputs: steps.byOutput(),
      steps: steps.steps(),
      warnings: warnings.list(),
      files: uploads.files(),
      uploads: uploads.count,
      dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function refuseImpossible({ files, delimiter }: InputOptions): void {
  const faults: string[] = [];
  if (files.length === 0) faults.push('No input file is given.');
  if (files.indexOf('-') !== files.lastIndexOf('-'))
    faults.push('stdin (-) can be read only once.');
  const fault = delimiterFault(delimiter);
  if (fault !== null) faults.push(fault);
  if (faults.length > 0) throw new BatchError('bad_input', faults.join('\n'));
}

async function startCompilation(
  options: InputOptions,
  { mapping, folder, warnings }: { mapping: Mapping; folder: string; warnings: InputWarnings },
): Promise<Compilation> {
  const { models, checks = lenientChecks, fetchReference } = options;
  const known = indexModels(models);
  const files = new ReferenceFiles(fetchReference);
  return {
    mapping,
    preparer: new RowPreparer({ mapping, models: known, checks, warnings, files }),
    selection: new RowSelection(selectionOf(options, mapping)),
    index: new IdIndex(),
    names: new NameCounter(),
    digest: createHash('sha256'),
    briefs: await Spool.create(join(folder, 'briefs')),
    rejections: await Spool.create(join(folder, 'rejections')),
    counts: { rows: 0, briefs: 0, rejected: 0, duplicates: 0, leftOut: 0 },
    modelUse: new Map(),
    steps: new StepCounts(mapping.outputs),
    references: files,
    uploads: new NeededUploads(),
    rowsLeft: options.limit ?? Number.POSITIVE_INFINITY,
    sample: null,
    sourceNames: [],
    warnings,
  };
}

function selectionOf(options: InputOptions, { where }: Mapping): SelectionOptions {
  const { fillDown = [], fillDownWithin = null, unique = null } = options;
  return { fillDown: { columns: fillDown, within: fillDownWithin }, where, unique };
}

/** A file that cannot be used does not hide what is wrong with the next one. */
async function compileFiles(
  options: InputOptions,
  compilation: Compilation,
  folder: string,
): Promise<void> {
  const { briefs, rejections, counts, mapping } = compilation;
  const { files } = options;
  const opening = new Opening(options, { folder, warnings: compilation.warnings });
  try {
    compilation.sample = await startSample(opening, options, mapping);
    await collectFaults(files, async (file) => {
      if (compilation.rowsLeft > 0) await compileSource(await opening.open(file), compilation);
    });
    await briefs.flush();
    await rejections.flush();
  } finally {
    await briefs.close();
    await rejections.close();
  }
  const { preparer, selection, warnings } = compilation;
  if (counts.rows === 0) throw new BatchError('bad_input', nothingTaken(compilation));
  for (const reason of [...selection.unmet(), ...preparer.unmet()]) {
    warnings.note({ rule: 'unmet_condition', param: reason }, null, () => reason);
  }
}

/** To spread a sample evenly, its rows are counted first; what is wrong with a file is told when it is compiled. */
async function startSample(
  opening: Opening,
  options: InputOptions,
  mapping: Mapping,
): Promise<Sample | null> {
  const { sample: wanted = null, limit, files } = options;
  if (wanted === null) return null;
  const selection = new RowSelection(selectionOf(options, mapping));
  let rows = 0;
  await collectFaults(files, async (file) => {
    for await (const _row of takenRows(await opening.open(file), selection)) rows++;
  }).catch((error: unknown) => {
    if (!(error instanceof BatchError)) throw error;
  });
  return new Sample(Math.min(rows, limit ?? rows), wanted);
}

/** Every file's fault in one error: one that cannot be used does not hide what is wrong with the next. */
async function collectFaults(
  files: readonly string[],
  use: (file: string) => Promise<void>,
): Promise<void> {
  const faults: BatchError[] = [];
  for (const file of files) {
    try {
      await use(file);
    } catch (error) {
      if (!(error instanceof BatchError) || error.code !== 'bad_input') throw error;
      faults.push(error);
    }
  }
  if (faults.length === 0) return;
  const message = faults.map((fault) => fault.message).join('\n');
  throw new BatchError('bad_input', message, { cause: faults[0]?.cause });
}

function nothingTaken({ counts: { leftOut }, selection, preparer }: Compilation): string {
  const unmet = [...selection.unmet(), ...preparer.unmet()];
  if (unmet.length > 0) {
    return `No row is left to make a brief of, ${counted(leftOut, 'row')} left out: ${unmet.join('; ')}`;
  }
  return `No row is left to make a brief of: ${counted(leftOut, 'row')} left out by --where, --unique or the conditions of outputs.`;
}

const prefix = 'rivya-batch-input-';
/** Where containers share a folder, a process that is not seen may live all the same: it is given a day. */
const leftForMs = 24 * 3_600_000;

/** A folder of this process' own for what is read of its input, once others' leftovers are gone. */
export async function makeInputFolder(parent = tmpdir(), nowMs = Date.now()): Promise<string> {
  // What a kill left behind may be as large as its input; trouble with it is none of this run's.
  await clearLeftovers(parent, nowMs).catch(() => undefined);
  return mkdtemp(join(parent, `${prefix}${process.pid}-`));
}

async function clearLeftovers(parent: string, nowMs: number): Promise<void> {
  for (const name of await readdir(parent)) {
    const processId = /^rivya-batch-input-(\d+)-/.exec(name)?.[1];
    if (processId === undefined || isAlive(Number(processId))) continue;
    const path = join(parent, name);
    const { mtimeMs } = await stat(path);
    if (nowMs - mtimeMs > leftForMs) await rm(path, { recursive: true, force: true });
  }
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    // One of another user may not be asked, but is there.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Each file is opened once, however often it is read: stdin and pipes come only once. */
class Opening {
  readonly #opened = new Map<string, Promise<Source>>();

  constructor(
    private readonly options: InputOptions,
    private readonly place: { folder: string; warnings: InputWarnings },
  ) {}

  open(file: string): Promise<Source> {
    const opened = this.#opened.get(file) ?? this.#openFirst(file);
    this.#opened.set(file, opened);
    return opened;
  }

  async #openFirst(file: string): Promise<Source> {
    const source = await openSource(file, this.options, this.place);
    const begin = this.options.folders?.[this.options.files.indexOf(file)];
    return begin === undefined ? source : { ...source, folder: begin };
  }
}
