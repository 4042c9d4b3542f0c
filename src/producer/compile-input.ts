import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BatchError } from '../shared/errors.js';
import type { PreparedBrief } from '../shared/prepared-brief.js';
import type { ReferenceFile } from '../shared/reference-items.js';
import { readBriefs } from './brief-spool.js';
import { delimiterFault } from './choose-format.js';
import { type Compilation, compileSource, type InputCounts } from './compile-source.js';
import { IdIndex } from './id-index.js';
import { makeInputFolder } from './input-folder.js';
import type { InputOptions } from './input-options.js';
import { indexModels } from './known-models.js';
import { type Mapping, parseMapping } from './mapping.js';
import { openSource } from './open-source.js';
import { RowPreparer } from './prepare-row.js';
import { ReferenceFiles } from './references/reference-files.js';
import { UploadPlan } from './references/upload-plan.js';
import type { Rejection } from './rejection.js';
import { readRejections } from './rejection-spool.js';
import { Spool } from './spool.js';

export type { InputOptions } from './input-options.js';
export type { Rejection } from './rejection.js';

/** The whole input, read and checked; briefs and faults wait on disk. */
export interface CompiledInput {
  counts: InputCounts;
  /** In input order, in constant memory; may be iterated more than once. */
  briefs(): AsyncIterable<PreparedBrief>;
  /** One for each fault, in input order; a row may have several. */
  rejections(): AsyncIterable<Rejection>;
  /** Briefs of each model. */
  modelUse: Map<string, number>;
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
    const compilation = await startCompilation(options, mapping, folder);
    await compileFiles(options, compilation, folder);
    const { briefs, rejections, counts, modelUse, variants, uploads } = compilation;
    return {
      counts,
      briefs: () => readBriefs(briefs, variants),
      rejections: () => readRejections(rejections),
      modelUse,
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
  { models, variants, limit, fetchReference }: InputOptions,
  mapping: Mapping,
  folder: string,
): Promise<Compilation> {
  const files = new ReferenceFiles(fetchReference);
  return {
    mapping,
    preparer: new RowPreparer({ mapping, models: indexModels(models), variants, files }),
    variants,
    index: new IdIndex(),
    briefs: await Spool.create(join(folder, 'briefs')),
    rejections: await Spool.create(join(folder, 'rejections')),
    counts: { rows: 0, briefs: 0, rejected: 0, duplicates: 0 },
    modelUse: new Map(),
    references: files,
    uploads: new UploadPlan(),
    rowsLeft: limit ?? Number.POSITIVE_INFINITY,
    sourceNames: [],
  };
}

/** A file that cannot be used does not hide what is wrong with the next one. */
async function compileFiles(
  options: InputOptions,
  compilation: Compilation,
  folder: string,
): Promise<void> {
  const faults: BatchError[] = [];
  try {
    for (const [index, file] of options.files.entries()) {
      if (compilation.rowsLeft === 0) break;
      const begin = options.folders?.[index];
      await compileFile(file, { options, compilation, folder, begin }).catch((error: unknown) => {
        if (!(error instanceof BatchError) || error.code !== 'bad_input') throw error;
        faults.push(error);
      });
    }
    await compilation.briefs.flush();
    await compilation.rejections.flush();
  } finally {
    await compilation.briefs.close();
    await compilation.rejections.close();
  }
  if (faults.length === 0) return;
  const message = faults.map((fault) => fault.message).join('\n');
  throw new BatchError('bad_input', message, { cause: faults[0]?.cause });
}

async function compileFile(
  file: string,
  {
    options,
    compilation,
    folder,
    begin,
  }: {
    options: InputOptions;
    compilation: Compilation;
    folder: string;
    /** Where its references begin; undefined: its own folder. */
    begin: string | null | undefined;
  },
): Promise<void> {
  const source = await openSource(file, options, folder);
  await compileSource(begin === undefined ? source : { ...source, folder: begin }, compilation);
}
