import { BatchError } from '../errors.js';

/** What Redis itself says no to, and what a person can do about it. */
const remedies: [answer: RegExp, remedy: string][] = [
  [
    /^NOPERM/,
    'the user in REDIS_URL lacks a right. It needs all commands but the dangerous ones, INFO, all channels, and the keys that begin with RIVYA_BATCH_PREFIX (default: rivya-batch)',
  ],
  [/^OOM/, 'its memory is full. Give it more, or forget finished batches; then go on'],
  [/^MISCONF/, 'it cannot save to its disk. Make room there; then go on'],
  [/^READONLY/, "it is a read-only replica now. Give the primary's address, or wait for it"],
];

/** Null where it is no answer of Redis, or one that no person can do anything about. */
export function explainReply(error: unknown): BatchError | null {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return null;
  const found = remedies.find(([answer]) => answer.test(error.message));
  if (!found) return null;
  const message = `Redis refuses (${error.message}): ${found[1]}.`;
  return new BatchError('redis_unsuitable', message, { cause: error });
}
