/** What the API says of a task; unknown fields are ignored, unknown statuses kept as they are. */
export interface Task {
  id: string;
  status: TaskStatus;
  /** Null where the response does not say. Credits, as the API states them. */
  reservedCredits: number | null;
  finalCredits: number | null;
  /** From `created_at` to `updated_at`, ms by the API's own clock; null where they say nothing. */
  lifeMs: number | null;
  /** `updated_at`, ms since the epoch by the API's own clock: of a task that is over, the best known end. */
  updatedAtMs: number | null;
  /** Every result URL, `primary_url` first, without repeats. */
  urls: string[];
  error: { code: string; message: string } | null;
}

export type TaskStatus =
  | { kind: 'running'; word: string }
  | { kind: 'succeeded' }
  | { kind: 'failed' };

/** Why the API said no; decided once, here, from code and HTTP class. */
export type RefusalKind =
  | 'rate_limited'
  /** 429 that is about unfinished tasks, not about requests. */
  | 'too_many_running'
  | 'insufficient_credits'
  /** By a code that says so: no request of this key will do better until a person acts. */
  | 'key_refused'
  /**
   * A page of a firewall or a gateway, or a 401 or 403 with a code that nobody knows: of this request alone, unless
   * `judgeAccess` finds that the key is refused or that nothing is let through.
   */
  | 'unexplained'
  /** 503 `public_api_disabled`: the whole API is off. */
  | 'api_disabled'
  /** 409 `idempotency_conflict`: the key was used with other content, so it may have been paid. */
  | 'idempotency_conflict'
  /** Another 409 or a 425: somebody is at it; the same key again later. */
  | 'busy'
  | 'not_found'
  /** This request will never be accepted as it is. */
  | 'invalid';

/** What the rate-limit headers of an answer said, if there were any; null where unsaid or unreadable. */
export interface PaceHint {
  /** Requests per window. */
  limit: number | null;
  /** Requests left in this window. */
  remaining: number | null;
  /** Until the window starts anew, counted from the answer. */
  resetMs: number | null;
}

export interface Refusal {
  kind: RefusalKind;
  /** The API's own code, verbatim, or `http_<status>` where it sent none. */
  code: string;
  message: string;
  httpStatus: number;
  requestId: string | null;
  /** From Retry-After (seconds or date); null where absent or unreadable. */
  retryAfterMs: number | null;
}

/** Surely not processed: no connection, no TLS, a proxy that would not connect. Safe to send again. */
export interface Unreachable {
  kind: 'unreachable';
  reason: string;
  cause: unknown;
}

/** Sent, and nobody can say whether it was taken (a 5xx, a redirect, a lost answer): only the same key may be sent again (S1). */
export interface Unknown {
  kind: 'unknown';
  reason: string;
  httpStatus: number | null;
  requestId: string | null;
  /** From Retry-After, which a 503 may carry; null where absent or unreadable. */
  retryAfterMs: number | null;
  cause: unknown;
}

export type Refused = { kind: 'refused'; refusal: Refusal; pace: PaceHint | null };

export type SubmitOutcome =
  | { kind: 'accepted'; task: Task; pace: PaceHint | null }
  | Refused
  | Unknown
  | Unreachable;
/** One turn of a chat: its answer is the result, and nothing is left to be watched or fetched. */
export interface ChatTurn {
  id: string;
  /** Of the session that it began; null where the API names none. */
  sessionId: string | null;
  /** Empty where the model has said nothing. */
  text: string;
  /** Tokens, as the API states them; null where it does not. */
  usage: {
    inputTokens: number | null;
    outputTokens: number | null;
    totalTokens: number | null;
  } | null;
  /** Null where the response does not say. Credits, as the API states them. */
  reservedCredits: number | null;
  finalCredits: number | null;
}

export type ChatOutcome =
  | { kind: 'answered'; turn: ChatTurn; pace: PaceHint | null }
  | Refused
  | Unknown
  | Unreachable;
export type ReadTaskOutcome =
  /** `clockAheadMs`: as of `ReadCreditsOutcome`. */
  | { kind: 'read'; task: Task; pace: PaceHint | null; clockAheadMs: number | null }
  | Refused
  | Unknown
  | Unreachable;
export type ReadCreditsOutcome =
  /** `clockAheadMs`: the clock here, compared with the API's; null where it did not say. */
  | { kind: 'read'; currentCredits: number; pace: PaceHint | null; clockAheadMs: number | null }
  | Refused
  | Unknown
  | Unreachable;
export type ListModelsOutcome =
  /** `answer`: the JSON that they were read from. */
  | { kind: 'read'; models: Model[]; answer: unknown; pace: PaceHint | null }
  | Refused
  | Unknown
  | Unreachable;

/** A file that the API has taken; null where it does not say. */
export interface UploadedFile {
  url: string;
  id: string | null;
  durationToken: string | null;
  durationSeconds: number | null;
}

export type UploadOutcome =
  | { kind: 'uploaded'; file: UploadedFile; pace: PaceHint | null }
  | Refused
  | Unknown
  | Unreachable;

/** One entry of `GET /models`, read leniently: null where the API does not say. */
export interface Model {
  id: string;
  displayName: string;
  category: string | null;
  baseCredits: number | null;
  /** `FIXED`, `METERED`, `TOKEN_BASED` or something newer. */
  billingType: string | null;
  maxPromptLength: number | null;
  apiStatus: string | null;
  apiInputStatus: string | null;
  /** Whether every call needs a file that was uploaded before. */
  requiresFilesApi: boolean | null;
  /** Whether a reference may be any public URL; where not, it must be uploaded first. */
  urlInputSupported: boolean | null;
  /** Null where the model lists none. */
  referenceMedia: ReferenceMediaRules | null;
  /** Of a chat model: whether a turn may have pictures with it; null where the API does not say. */
  takesImages: boolean | null;
  params: ModelParam[];
  /** What the API has to say about it. */
  notices: string[];
}

export interface ReferenceMediaRules {
  maxFiles: number | null;
  /** `image`, `video`, `audio` or something newer. */
  fileKinds: string[] | null;
  limits: { kind: string; maxBytes: number | null; mediaTypes: string[] | null }[];
}

export interface ModelParam {
  key: string;
  /** `select`, `number`, `text` or something newer; `switch` is a real boolean, which chats alone take. */
  type: string | null;
  required: boolean;
  options: string[];
  /** What the API takes where nothing is said, as text. */
  default: string | null;
  min: number | null;
  max: number | null;
  step: number | null;
}

export type DownloadOutcome =
  | { kind: 'saved'; bytes: number; sha256: string; declaredType: string | null }
  /** 403, 404, 410: the link is spent; the task may know a fresh one. */
  | { kind: 'gone'; httpStatus: number }
  /** Not https, a private address, a redirect to either: never fetched. */
  | { kind: 'url_refused'; reason: string }
  | { kind: 'too_large'; maxBytes: number }
  /** Network fault, 5xx, 429, a body shorter than announced or empty: worth another try. */
  | { kind: 'unavailable'; reason: string; retryAfterMs: number | null; cause: unknown };
