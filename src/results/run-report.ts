import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type BatchMeta, leftOf, wholeOf } from '../ledger/batch-meta.js';
import type { RefusalBucket } from '../ledger/refusals.js';
import { parseJson } from '../shared/json.js';
import { fileNames } from './file-names.js';

/** `run.json`: what a batch made, spent and asked for; `verify` proves its sum from the folder alone (S4). */
export const runReportSchema = z.object({
  batch: z.string(),
  origin: z.string(),
  sources: z.array(z.string()),
  state: z.enum(['finished', 'unfinished']),
  counts: z.object({
    rows: z.number(),
    briefs: z.number(),
    rejected: z.number(),
    duplicate: z.number(),
    admitted: z.number(),
    succeeded: z.number(),
    failed: z.number(),
    unknown: z.number(),
    cancelled: z.number(),
    pending: z.number(),
    /** Of the pending: those for which there is no room in Redis yet; reports of earlier versions have none. */
    to_come: z.number().default(0),
  }),
  credits: z.object({ spent: z.number() }),
  requests: z.object({
    submits: z.number(),
    status_checks: z.number(),
    downloads: z.number(),
    /** Reports of earlier versions have none. */
    uploads: z.number().default(0),
    refused: z.number(),
  }),
  /**
   * Of the refused, those that are known by their time, in buckets that are as wide as each other (`lua/count-refusal.lua`);
   * reports of earlier versions have none.
   */
  refusals: z
    .array(
      z.object({
        at: z.string(),
        seconds: z.number(),
        rate: z.number(),
        places: z.number(),
        other: z.number(),
      }),
    )
    .optional(),
  times: z.object({ created: z.string(), written: z.string() }),
  /** Lines of the manifest by the run that made them; reports of earlier versions have none. */
  runs: z
    .array(
      z.object({
        run: z.number(),
        at: z.string().nullable(),
        succeeded: z.number(),
        failed: z.number(),
        unknown: z.number(),
        cancelled: z.number(),
      }),
    )
    .default([]),
  /** Lines of each output of its recipe; none where a row makes one brief. */
  outputs: z
    .array(
      z.object({
        output: z.string(),
        briefs: z.number(),
        succeeded: z.number(),
        failed: z.number(),
        unknown: z.number(),
        cancelled: z.number(),
      }),
    )
    .default([]),
  /** Lines that were taken over from an earlier batch of the schedule. */
  taken_over: z.number().default(0),
});

export type RunReport = z.infer<typeof runReportSchema>;

/** What stands in a folder's `run.json`; null where there is none that can be read, as while a first run goes on. */
export async function readReport(out: string): Promise<RunReport | null> {
  const text = await readFile(join(out, fileNames.report), 'utf8').catch(() => '');
  return runReportSchema.safeParse(parseJson(text)).data ?? null;
}

/** @param refusals left out where only what stands in the batch's record is told */
export function runReport(
  meta: BatchMeta,
  nowMs: number,
  refusals?: readonly RefusalBucket[],
): RunReport {
  const { lines, requests } = meta;
  return {
    batch: meta.name,
    origin: meta.origin,
    sources: meta.sources,
    state: meta.stage !== 'admitting' && meta.pending === 0 ? 'finished' : 'unfinished',
    counts: {
      rows: meta.rows,
      briefs: wholeOf(meta) + meta.rejected + meta.duplicates,
      rejected: meta.rejected,
      duplicate: meta.duplicates,
      admitted: wholeOf(meta),
      ...lines,
      pending: leftOf(meta),
      to_come: meta.toCome,
    },
    credits: { spent: meta.spent },
    requests: {
      submits: requests.submits,
      status_checks: requests.statusChecks,
      downloads: requests.downloads,
      uploads: requests.uploads,
      refused: requests.refused,
    },
    ...(refusals && {
      refusals: refusals.map(({ from, ...counts }) => ({
        at: new Date(from * 1000).toISOString(),
        ...counts,
      })),
    }),
    times: {
      created: new Date(meta.createdAt).toISOString(),
      written: new Date(nowMs).toISOString(),
    },
    runs: meta.runs.map(({ run, atMs, lines: made }) => ({
      run,
      at: atMs === null ? null : new Date(atMs).toISOString(),
      ...made,
    })),
    outputs: meta.outputs.map(({ name, whole, lines: made }) => ({
      output: name,
      briefs: whole,
      ...made,
    })),
    taken_over: meta.takenOver,
  };
}
