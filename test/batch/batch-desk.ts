import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { atOnce } from '../../src/batch/admit.js';
import { withQueues } from '../../src/batch/batch-context.js';
import {
  admitBatch,
  type BatchRequest,
  beginBatch,
  type OpenedBatch,
  openBatch,
} from '../../src/batch/continue-batch.js';
import { finalizeBatch } from '../../src/batch/end-batch.js';
import { ManifestWriter } from '../../src/batch/manifest-writer.js';
import { type Reopener, reopenSurveyed, surveyReopening } from '../../src/batch/reopen.js';
import { compileInput } from '../../src/producer/compile-input.js';
import { type OutputPlaces, openOutput } from '../../src/results/output-places.js';
import type { LineStatus } from '../../src/shared/manifest-line.js';
import { manifestLine } from '../shared/manifest-lines.js';
import { identity, openLedger } from '../support/ledger.js';
import { ShiftedClock, temporaryFolder } from '../worker/stages/stage-bench.js';

export const never = atOnce(new AbortController().signal);

/** A batch in a folder, or at an address, and what a command does with it whose input is this table. */
export async function openBatchDesk(address?: { out: string; s3Endpoint: string }) {
  const opened = await openLedger({ batch: 'unused' });
  const { redis, prefix, account } = opened;
  const folder = await temporaryFolder();
  const places = { home: folder, s3Endpoint: address?.s3Endpoint ?? null };
  const { folder: out } = await openOutput(places, address?.out ?? join(folder, 'out'));
  const clock = new ShiftedClock();
  const facts = {
    categoryOf: () => 'image' as const,
    priceOf: () => ({ guess: 3, least: 1 }),
    places,
  };
  const { origin } = identity;
  const context = { redis, prefix, origin, account, clock, ...facts };
  let passes = 0;
  const file = join(folder, 'in.csv');
  const open = async (
    rows: readonly string[],
    patch: Partial<BatchRequest> = {},
    placesThere: OutputPlaces = places,
  ) => {
    await writeFile(file, `id,prompt\n${rows.join('\n')}\n`);
    const plain = { format: null, delimiter: null, prompt: null, id: null, params: [] };
    const input = await compileInput({
      ...{ ...plain, files: [file], model: 'z-image', variants: 1, limit: null },
      models: [],
    });
    onTestFinished(() => input.dispose());
    passes = 0;
    return openBatch(
      { ...context, places: placesThere },
      {
        ...{ batch: 'spring', out, sources: ['in.csv'], command: null, mode: 'go_on' },
        ...{
          force: 'none',
          minSize: undefined,
          priority: undefined,
          webhook: undefined,
          changes: 'made',
          caps: { batch: undefined, day: undefined },
        },
        input: {
          ...input,
          briefs: () => {
            passes += 1;
            return input.briefs();
          },
        },
        ...patch,
      },
    );
  };
  const admit = async (batch: OpenedBatch) => {
    await beginBatch(batch);
    await withQueues(context, 'spring', (queues) => admitBatch(batch, queues, never));
  };
  /** As workers do it; briefs called `bad` fail. */
  const finish = async ({ ledger }: OpenedBatch) => {
    for await (const briefs of ledger.scan()) {
      for (const { id } of briefs) {
        const from = await ledger.briefs.find(id);
        if (from === 'lined' || from === 'missing') continue;
        const { seq, attempt, run = null } = from.state;
        const { model, prompt = null, params = {} } = from.content.request;
        const status: LineStatus = id === 'bad' && attempt === 1 ? 'failed' : 'succeeded';
        const own = { brief_id: id, batch: 'spring', seq, attempt, run, status };
        const line = JSON.stringify(manifestLine({ ...own, model, prompt, params, assets: [] }));
        const ended = { from, line, status, charged: 1, checks: 1, downloads: 0, nowMs: 0 };
        await ledger.briefs.finish(id, ended);
      }
    }
    await withQueues(context, 'spring', async (queues) => {
      await queues.obliterate();
      await new ManifestWriter({ ledger, queues, out }).flush();
    });
    expect(await finalizeBatch(ledger, out, clock)).toBe('finalized');
  };
  const run = async (rows: readonly string[]) => {
    const batch = await open(rows);
    await admit(batch);
    await finish(batch);
    return batch;
  };
  /** Opens what has failed once more. */
  const retry = (batch: OpenedBatch) =>
    withQueues(context, 'spring', async (queues) => {
      const reopener: Reopener = { ledger: batch.ledger, queues, out, account, clock, ...facts };
      return reopenSurveyed(
        reopener,
        await surveyReopening(reopener, ({ status }) => status === 'failed'),
      );
    });
  return {
    ...opened,
    file,
    out,
    places,
    open,
    admit,
    finish,
    run,
    retry,
    context,
    passes: () => passes,
  };
}
