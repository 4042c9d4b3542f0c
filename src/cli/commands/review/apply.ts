import { BatchError, type ExitCode } from '../../../shared/errors.js';
import type { CommandSetup } from '../../setup.js';

/** What becomes of what was decided. */
export interface ApplyFlags {
  yes: boolean;
  /** Template of the names in `approved/`. */
  name?: string;
  as: 'links' | 'copies';
  /** Profile by which approved pictures are made to measure. */
  deliver?: string;
  json: boolean;
}

/** `review DIR --apply`: what was approved is handed over, and what is to be made again is opened. */
export async function apply(
  _setup: CommandSetup,
  folder: string,
  _flags: ApplyFlags,
): Promise<ExitCode> {
  throw new BatchError(
    'usage',
    `--apply is not there yet: what was decided stands in ${folder}/decisions.jsonl and in the column "decision" of manifest.csv.`,
  );
}
