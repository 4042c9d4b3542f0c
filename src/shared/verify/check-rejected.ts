import { join } from 'node:path';
import { z } from 'zod';
import { readLines } from '../read-lines.js';
import type { RunReport } from '../run-report.js';
import type { Findings } from './finding.js';

const faultSchema = z.object({ source: z.string(), row: z.number() });
const path = 'rejected.jsonl';

/** `rejected.jsonl` has a line for each fault; `run.json` counts the rows that have any (S4). */
export async function checkRejected(
  folder: string,
  report: RunReport,
  findings: Findings,
): Promise<void> {
  const { rejected } = report.counts;
  const found = await countRejected(join(folder, path));
  if (found.rows === rejected) return;
  if (found.lines === 0) {
    // `enqueue` may have printed them, or written them elsewhere.
    findings.warning(
      'rejected_missing',
      `run.json says that ${rejected} rows were rejected, and there is no ${path} that says which.`,
      { path },
    );
    return;
  }
  findings.problem(
    'rejected_differs',
    `run.json says that ${rejected} rows were rejected, ${path} has faults of ${found.rows}; a check of another input may have replaced it.`,
    { path },
  );
}

async function countRejected(file: string): Promise<{ lines: number; rows: number }> {
  let lines = 0;
  let rows = 0;
  let last = '';
  for await (const { text } of readLines(file)) {
    if (text === '') continue;
    lines += 1;
    const key = rowOf(text);
    // The faults of one row stand together; two files of one name may both have a row 3.
    if (key !== last) rows += 1;
    last = key;
  }
  return { lines, rows };
}

/** A line that cannot be read counts as a row of its own. */
function rowOf(text: string): string {
  try {
    const { source, row } = faultSchema.parse(JSON.parse(text));
    return `${row} ${source}`;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return `unreadable ${text}`;
    throw error;
  }
}
