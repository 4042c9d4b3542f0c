import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type RunReport, runReportSchema } from '../run-report.js';
import type { Findings } from './finding.js';

const path = 'run.json';

/** `run.json`; null, and a finding, where there is none that can be read. */
export async function readReport(folder: string, findings: Findings): Promise<RunReport | null> {
  try {
    return runReportSchema.parse(JSON.parse(await readFile(join(folder, path), 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      const message = `There is no ${path}, so the counts cannot be proved: the run is under way or was cut off, and running the same command again writes it.`;
      findings.problem('report_missing', message, { path });
      return null;
    }
    const message = `${path} cannot be read (${reasonOf(error)}), so the counts cannot be proved.`;
    findings.problem('report_unreadable', message, { path });
    return null;
  }
}

/** @throws what is no fault of the file */
function reasonOf(error: unknown): string {
  if (error instanceof SyntaxError) return 'it is not JSON';
  if (error instanceof z.ZodError) {
    const [issue] = error.issues;
    return `${issue?.path.join('.')}: ${issue?.message}`;
  }
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === 'string') return code;
  throw error;
}
