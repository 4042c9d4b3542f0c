/**
 * What other programs may use of rivya-batch. Loading it does nothing: no connection, no timer, no handler of signals.
 * Errors that a caller can do something about are `BatchError`s with a `code`.
 */
import { readManifest as findLines, manifestPath } from '../results/manifest.js';
import { openOutput } from '../results/output-places.js';
import { BatchError } from '../shared/errors.js';
import type { ManifestLine } from '../shared/manifest-line.js';
import { type Connection, settingsOf } from './connection.js';

export type { Comparison } from '../batch/compare.js';
export type { CancelCounts } from '../batch/end-batch.js';
export type { Rejection, RejectionKind } from '../producer/rejection.js';
export { BatchError, type ErrorCode } from '../shared/errors.js';
export type { JsonObject, JsonValue } from '../shared/json.js';
export type { Asset, LineError, LineStatus, ManifestLine } from '../shared/manifest-line.js';
export type { QueueName, QueueStage } from '../shared/queue-names.js';
export {
  type Board,
  type BoardOptions,
  type BoardWatch,
  boardQueues,
  type QueueAdapter,
} from './board-queues.js';
export type { Connection } from './connection.js';
export {
  type BriefInput,
  type Enqueued,
  type EnqueueOptions,
  enqueueBatch,
} from './enqueue-batch.js';
export {
  type Batch,
  type BatchLine,
  type BatchStatus,
  openBatch,
  type Retried,
  type RetryOptions,
  type RetryPrice,
} from './open-batch.js';
export { type RunningWorker, startWorker, type WorkerOptions } from './start-worker.js';

/**
 * The lines of a folder's manifest, in the order in which they were written, in constant memory; needs no Redis. A last
 * line that is still being written is not there yet.
 * @param out folder, or `s3://bucket/prefix`
 * @param connection its `home`, where what is in a bucket is mirrored
 * @throws BatchError `bad_input` for a line that cannot be read
 */
export async function* readManifest(
  out: string,
  connection: Connection = {},
): AsyncGenerator<ManifestLine, void> {
  const { folder } = await openOutput(settingsOf(connection), out);
  for await (const found of findLines(folder)) {
    if (found.kind === 'line') yield found.line;
    else if (found.kind === 'unreadable') {
      const where = `${manifestPath(out)}, line ${found.row}`;
      throw new BatchError('bad_input', `${where} cannot be read: ${found.reason}.`);
    }
  }
}
