/** Every way in which a command of ours can stop; scripts and tests compare codes, never messages. */
export type ErrorCode =
  | 'usage'
  | 'bad_input'
  | 'bad_configuration'
  | 'batch_conflict'
  | 'batch_not_found'
  | 'batch_unfinished'
  | 'api_unavailable'
  | 'key_refused'
  | 'redis_missing'
  | 'redis_unreachable'
  | 'redis_unsuitable'
  /** Redis has lost what it knew of a batch. */
  | 'state_lost'
  /** A later version of ours has written there what this one would misread. */
  | 'later_version'
  | 'output_unusable'
  | 'internal';

/** Exit codes as documented for users' scripts. */
export const ExitCode = {
  succeeded: 0,
  unexpected: 1,
  badInput: 2,
  someDidNotSucceed: 3,
  workLeft: 4,
  interrupted: 130,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/**
 * An expected stop with a sentence for the person at the terminal.
 * Thrown only for what ends a command; outcomes of single requests are returned as unions.
 */
export class BatchError extends Error {
  override readonly name = 'BatchError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** Why a file cannot be read, behind its name and a colon. */
export function whyUnreadable(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'no such file';
  if (code === 'EISDIR') return 'is a folder, not a file';
  if (code === 'EACCES' || code === 'EPERM') return 'this user may not read it';
  return `cannot be read (${code})`;
}

/** The exit code that goes with an error that ended a command. */
export function exitCodeOf(error: unknown): ExitCode {
  if (!(error instanceof BatchError)) return ExitCode.unexpected;
  switch (error.code) {
    case 'usage':
    case 'bad_input':
    case 'bad_configuration':
    case 'batch_conflict':
    case 'batch_not_found':
    case 'batch_unfinished':
    case 'later_version':
      return ExitCode.badInput;
    case 'key_refused':
    case 'state_lost':
      return ExitCode.workLeft;
    case 'api_unavailable':
    case 'redis_missing':
    case 'redis_unreachable':
    case 'redis_unsuitable':
    case 'output_unusable':
    case 'internal':
      return ExitCode.unexpected;
    default:
      return error.code satisfies never;
  }
}
