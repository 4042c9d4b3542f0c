/** What the simulator will say to one request; decided first, sent by `sendAnswer`. */
export type Answer =
  | { kind: 'json'; status: number; body: unknown; headers?: Record<string, string> }
  /** A gateway's own page, as a proxy in front of the API would send it. */
  | { kind: 'gateway-page'; status: number }
  /** The connection is destroyed and nothing is said. */
  | { kind: 'dropped' }
  | { kind: 'late'; delayMs: number; answer: Answer };

export interface ErrorWords {
  status: number;
  code: string;
  message: string;
  /** Null leaves `requestId` out, which the documentation does not exclude. */
  requestId: string | null;
  headers?: Record<string, string>;
}

/** The documented error body; `requestId` is camelCase there, unlike the rest of the API. */
export function errorAnswer({ status, code, message, requestId, headers }: ErrorWords): Answer {
  const error = requestId === null ? { code, message } : { code, message, requestId };
  return { kind: 'json', status, body: { error }, ...(headers && { headers }) };
}

export function isSuccess(answer: Answer): boolean {
  return answer.kind === 'json' && answer.status < 300;
}

/** A refusal of the request itself, not of its moment. */
export function isLastingRefusal(answer: Answer): boolean {
  const status = answer.kind === 'json' ? answer.status : 0;
  return status >= 400 && status < 500 && status !== 429;
}
