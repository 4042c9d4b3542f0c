import type { FrozenRequest } from '../shared/brief.js';
import type { Clock } from '../shared/clock.js';
import { createDispatcher, type ProxySettings } from './dispatcher.js';
import { judgeAnswer, type Understood } from './judge-answer.js';
import type {
  ChatOutcome,
  ListModelsOutcome,
  Model,
  ReadCreditsOutcome,
  ReadTaskOutcome,
  Refused,
  SubmitOutcome,
  Unknown,
  Unreachable,
  UploadOutcome,
} from './outcome.js';
import { asNumber, asRecord, parseChatTurn, parseModels, parseTask, parseUpload } from './parse.js';
import { type ExchangeRequest, localClock, sendRequest } from './request.js';
import { type FileUpload, type UploadForm, uploadForm, uploadTimeoutMs } from './upload-form.js';

const defaultTimeoutMs = 30_000;
/** A turn may take two minutes (documented), and is on its way for a while. */
const chatTimeoutMs = 150_000;

export interface RivyaClientOptions {
  /** Scheme, host and port, such as `https://rivya.ai`. */
  origin: string;
  /** Sent as a header and kept nowhere else (S8). */
  apiKey: string;
  /** For a whole request; 30 s unless said, and for a turn of a chat 150 s. */
  requestTimeoutMs?: number;
  /** Connections at once; as many as requests unless said. */
  connections?: number;
  proxy?: ProxySettings;
  /** Where the API is a simulator of this process: its port on this machine, whatever the origin is called. */
  localPort?: number | undefined;
  userAgent?: string;
  /** For dates in headers; this machine's unless said. */
  clock?: Clock;
}

/**
 * The API, one method per endpoint. Every outcome of the network or the API is returned, never thrown;
 * nothing is sent twice, no redirect is followed. A signal that is aborted ends the call with `unknown`
 * (or `unreachable`, where nothing had been sent yet).
 */
export interface RivyaClient {
  /** Sends the attempt's exact bytes under its key; safe to repeat with the same request (S1). */
  submit(request: FrozenRequest, signal?: AbortSignal): Promise<SubmitOutcome>;
  /**
   * One turn of a chat in a session of its own, whole and not streamed: the answer is the result. Safe to repeat with the
   * same request (S1); one that was cut off after a while may still be answered and paid.
   */
  completeChat(request: FrozenRequest, signal?: AbortSignal): Promise<ChatOutcome>;
  readTask(taskId: string, signal?: AbortSignal): Promise<ReadTaskOutcome>;
  /** Public: sent without the key. */
  listModels(signal?: AbortSignal): Promise<ListModelsOutcome>;
  readCredits(signal?: AbortSignal): Promise<ReadCreditsOutcome>;
  /** Streams one file; makes no task, so it is safe to repeat. */
  uploadFile(upload: FileUpload, signal?: AbortSignal): Promise<UploadOutcome>;
  /** Ends all connections at once; a call still under way ends as if its connection had broken. */
  close(): Promise<void>;
}

/** Throws only where the origin or the proxy's address is no URL. */
export function createRivyaClient(options: RivyaClientOptions): RivyaClient {
  const call = createCaller(options);
  const authorization = `Bearer ${options.apiKey}`;
  return {
    async submit(request, signal) {
      const headers = submissionHeaders(authorization, request);
      const outcome = await call.send(
        { method: 'POST', path: '/api/v1/generations', headers, body: request.body },
        parseTask,
        'a task id',
        signal,
      );
      if (outcome.kind !== 'understood') return outcome;
      return { kind: 'accepted', task: outcome.content, pace: outcome.pace };
    },
    async completeChat(request, signal) {
      const headers = submissionHeaders(authorization, request);
      const { body } = request;
      const timeoutMs = options.requestTimeoutMs ?? chatTimeoutMs;
      const outcome = await call.send(
        { method: 'POST', path: '/api/v1/chat/completions', headers, body, timeoutMs },
        parseChatTurn,
        "a turn's id",
        signal,
      );
      if (outcome.kind !== 'understood') return outcome;
      return { kind: 'answered', turn: outcome.content, pace: outcome.pace };
    },
    async readTask(taskId, signal) {
      // From a manifest that was edited it may be anything: as bytes, broken text is text that nobody knows.
      const name = encodeURIComponent(Buffer.from(taskId).toString());
      const path = `/api/v1/generations/${name}`;
      const outcome = await call.send(
        { method: 'GET', path, headers: { authorization } },
        parseTask,
        'a task id',
        signal,
      );
      if (outcome.kind !== 'understood') return outcome;
      const { content: task, pace, clockAheadMs } = outcome;
      return { kind: 'read', task, pace, clockAheadMs };
    },
    async listModels(signal) {
      const outcome = await call.send(
        { method: 'GET', path: '/api/v1/models', headers: {} },
        parseModelsAnswer,
        'a list of models',
        signal,
      );
      if (outcome.kind !== 'understood') return outcome;
      return { kind: 'read', ...outcome.content, pace: outcome.pace };
    },
    async readCredits(signal) {
      const outcome = await call.send(
        { method: 'GET', path: '/api/v1/credits', headers: { authorization } },
        parseCredits,
        'current_credits',
        signal,
      );
      if (outcome.kind !== 'understood') return outcome;
      const { content: currentCredits, pace, clockAheadMs } = outcome;
      return { kind: 'read', currentCredits, pace, clockAheadMs };
    },
    async uploadFile(upload, signal) {
      const form = uploadForm(upload);
      const headers = { authorization, ...form.headers };
      const timeoutMs = uploadTimeoutMs(upload.bytes);
      const outcome = await call.send(
        { method: 'POST', path: '/api/v1/files', headers, body: form.body, timeoutMs },
        parseUpload,
        'a file with a url',
        signal,
      );
      if (outcome.kind !== 'understood') return outcome;
      return { kind: 'uploaded', file: outcome.content, pace: outcome.pace };
    },
    close: call.close,
  };
}

function submissionHeaders(authorization: string, { idempotencyKey }: FrozenRequest) {
  return {
    authorization,
    'content-type': 'application/json',
    'idempotency-key': idempotencyKey,
  };
}

function parseModelsAnswer(answer: unknown): { models: Model[]; answer: unknown } | null {
  const models = parseModels(answer);
  return models === null ? null : { models, answer };
}

function parseCredits(json: unknown): number | null {
  return asNumber(asRecord(json)?.current_credits);
}

interface ApiRequest {
  method: 'GET' | 'POST';
  path: string;
  headers: Record<string, string>;
  body?: string | UploadForm['body'];
  /** Where it is not that of all requests. */
  timeoutMs?: number;
}

interface Caller {
  send<Content>(
    request: ApiRequest,
    parse: (json: unknown) => Content | null,
    wanted: string,
    signal: AbortSignal | undefined,
  ): Promise<Understood<Content> | Refused | Unknown | Unreachable>;
  close(): Promise<void>;
}

function createCaller(options: RivyaClientOptions): Caller {
  const { origin, protocol } = new URL(options.origin);
  const { proxy, connections, requestTimeoutMs: usualTimeoutMs = defaultTimeoutMs } = options;
  const clock = options.clock ?? localClock;
  const dispatcher = createDispatcher({
    protocol: protocol === 'http:' ? 'http:' : 'https:',
    proxy,
    connections,
    localPort: options.localPort,
  });
  const everyHeader = {
    accept: 'application/json',
    'user-agent': options.userAgent ?? 'rivya-batch',
  };
  return {
    async send({ headers, timeoutMs = usualTimeoutMs, ...request }, parse, wanted, signal) {
      const full: Omit<ExchangeRequest, 'signal'> = {
        ...request,
        origin,
        headers: { ...everyHeader, ...headers },
      };
      const answer = await sendRequest(full, dispatcher, timeoutMs, signal);
      if (answer.kind !== 'answered') return answer;
      return judgeAnswer(answer, parse, wanted, clock.now());
    },
    close: () => dispatcher.destroy(),
  };
}
