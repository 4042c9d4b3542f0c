import { join } from 'node:path';
import { judgeLine } from '../judge-line.js';
import { readLines } from '../read-lines.js';
import { chargedFor, comparablePath } from './manifest-tally.js';

export interface History {
  /** Files that earlier lines named, in comparable form. */
  paths: ReadonlySet<string>;
  /** Credits that were charged for them. */
  charged: number;
}

/** What `history.jsonl` says of lines that a retry replaced; it promises nothing, so it is read leniently. */
export async function readHistory(folder: string): Promise<History> {
  const paths = new Set<string>();
  let charged = 0;
  for await (const { text } of readLines(join(folder, 'history.jsonl'))) {
    const judged = judgeLine(text);
    if (judged.kind === 'unreadable') continue;
    charged += chargedFor(judged.line);
    for (const asset of judged.line.assets) paths.add(comparablePath(asset.path));
  }
  return { paths, charged };
}
