import { describeFailure, errorCode } from '../rivya/transport-failure.js';
import { BatchError } from '../shared/errors.js';

/** What was to be done, which decides which permission lacks. */
export type BucketAction = 'put' | 'get' | 'copy' | 'list' | 'remove';

/** A bucket that cannot be used as it is. */
export class BucketTrouble extends BatchError {
  constructor(
    message: string,
    /** `passing`: the same may succeed by itself later. `lasting`: a person has to do what the sentence says. */
    readonly kind: 'passing' | 'lasting',
    options?: { cause?: unknown },
  ) {
    super('output_unusable', message, options);
  }
}

/** What a failed request of the SDK carries that may be shown; its texts and fields may quote what was signed (S8). */
interface Failure {
  /** S3's own word for it, such as `AccessDenied`; null where none came, as with an answer to HEAD. */
  code: string | null;
  /** Null where no answer came. */
  status: number | null;
  requestId: string | null;
}

export function failureOf(error: unknown): Failure {
  const { name, $metadata } = error as {
    name?: unknown;
    $metadata?: { httpStatusCode?: number; requestId?: string };
  };
  const status = $metadata?.httpStatusCode ?? null;
  const isWord = typeof name === 'string' && /^[A-Z][A-Za-z]{2,60}$/.test(name);
  return {
    code: isWord && !/^(Error|Unknown|UnknownError|Forbidden|BadRequest)$/.test(name) ? name : null,
    status: status === null || status < 100 ? null : status,
    requestId: $metadata?.requestId ?? null,
  };
}

interface Context {
  /** The bucket's address. */
  address: string;
  endpoint: string | null;
  action: BucketAction;
}

/** The sentence for a request that did not succeed, whatever it was. */
export function bucketTrouble(error: unknown, context: Context): BatchError {
  if (error instanceof BatchError) return error;
  const failure = failureOf(error);
  const { kind, text } = judge(error, failure, context);
  return new BucketTrouble(text, kind, { cause: shownCause(error, failure) });
}

function shownCause(error: unknown, { code, status, requestId }: Failure): Error {
  const network = errorCode(error);
  const parts = [code, status, network, requestId].filter((part) => part !== null);
  return new Error(`The request to the bucket failed: ${parts.join(', ') || 'no answer'}.`);
}

const permissions: Record<BucketAction, string> = {
  put: 's3:PutObject and s3:AbortMultipartUpload',
  get: 's3:GetObject, and s3:ListBucket on the bucket itself (without it, what is not there counts as denied)',
  copy: 's3:PutObject, and s3:GetObject on what is copied',
  list: 's3:ListBucket on the bucket itself',
  remove: 's3:DeleteObject',
};

const sameCommand = 'then give the same command again: nothing is lost';

interface Judgement {
  kind: 'passing' | 'lasting';
  text: string;
}

function judge(error: unknown, failure: Failure, context: Context): Judgement {
  const { address, endpoint, action } = context;
  const { code, status } = failure;
  const shown = code ?? (status === null ? 'no answer' : `HTTP ${status}`);
  const lasting = (text: string): Judgement => ({ kind: 'lasting', text });
  const service = endpoint === null ? 'Amazon S3' : endpoint;
  if (/^(CredentialsProvider|TokenProvider|ProviderError)/.test(code ?? '')) {
    return lasting(
      `No usable credentials for ${address}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE (of one with SSO, run aws sso login), ${sameCommand}.`,
    );
  }
  if (/^(Expired|TokenRefreshRequired|InvalidToken)/.test(code ?? '')) {
    return lasting(
      `The credentials for ${address} have expired (${shown}): get new ones (aws sso login, or a new AWS_SESSION_TOKEN with its keys), ${sameCommand}.`,
    );
  }
  if (code === 'InvalidAccessKeyId' || code === 'SignatureDoesNotMatch') {
    return lasting(
      `${service} does not know the credentials for ${address} (${shown}): check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, and S3_ENDPOINT, ${sameCommand}.`,
    );
  }
  if (code === 'NoSuchBucket') {
    return lasting(
      `There is no bucket for ${address} at ${service} (${shown}): create it, or check its name and S3_ENDPOINT.`,
    );
  }
  if (code === 'RequestTimeTooSkewed') {
    return lasting(
      `The clock of this machine is wrong, so that ${service} takes no request for ${address} (${shown}): set it, ${sameCommand}.`,
    );
  }
  if (isWrongRegion(code, status)) {
    return lasting(
      `The bucket of ${address} is in another region (${shown}): set AWS_REGION to it, ${sameCommand}.`,
    );
  }
  if (isFull(code, status)) {
    return lasting(
      `There is no room left for ${address} (${shown}): make room or raise the quota of the bucket, ${sameCommand}.`,
    );
  }
  if (status === 403) {
    return lasting(
      `${address} may not be ${actionWord[action]} (${shown}): give its credentials the permission ${permissions[action]}, ${sameCommand}.`,
    );
  }
  if (code === 'NotImplemented' || status === 501) {
    return lasting(
      `${service} does not do what ${address} needs (${shown}): use a service that knows If-Match and If-None-Match.`,
    );
  }
  if (isPassing(failure)) {
    const reason = status === null ? describeFailure(error) : shown;
    return {
      kind: 'passing',
      text: `${address} cannot be reached just now (${reason})${
        endpoint === null ? '' : `: check S3_ENDPOINT (${endpoint}) if this repeats`
      }. Give the same command again later: nothing is lost.`,
    };
  }
  return lasting(
    `${address} could not be ${actionWord[action]} (${shown}): check the bucket and its settings, ${sameCommand}.`,
  );
}

const actionWord: Record<BucketAction, string> = {
  put: 'written to',
  get: 'read',
  copy: 'copied to',
  list: 'listed',
  remove: 'deleted from',
};

function isWrongRegion(code: string | null, status: number | null): boolean {
  return (
    code === 'PermanentRedirect' ||
    code === 'AuthorizationHeaderMalformed' ||
    code === 'IllegalLocationConstraintException' ||
    status === 301
  );
}

/** Each service has its own word for a full bucket. */
function isFull(code: string | null, status: number | null): boolean {
  return status === 507 || /Quota|StorageFull|InsufficientStorage|TooManyObjects/.test(code ?? '');
}

const passingCodes =
  /^(SlowDown|RequestTimeout|TimeoutError|ServiceUnavailable|InternalError|BadDigest|OperationAborted|ConditionalRequestConflict|NoSuchUpload|Throttling.*|TooManyRequests.*)$/;

function isPassing({ code, status }: Failure): boolean {
  if (status === null) return true;
  return status >= 500 || status === 429 || status === 408 || passingCodes.test(code ?? '');
}
