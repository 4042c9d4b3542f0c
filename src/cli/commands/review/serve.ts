import { BatchError, type ExitCode } from '../../../shared/errors.js';
import type { CommandSetup } from '../../setup.js';

/** Where the page is served. */
export interface ServeFlags {
  host: string;
  /** 0: a free one. */
  port: number;
  json: boolean;
}

/** `review DIR`: serves the page until it is interrupted. */
export async function serve(
  { program }: CommandSetup,
  folder: string,
  _flags: ServeFlags,
): Promise<ExitCode> {
  throw new BatchError(
    'usage',
    `There is no page to review on yet: "${program} sheet ${folder}" makes one to look at. --take FILE takes decisions over.`,
  );
}
