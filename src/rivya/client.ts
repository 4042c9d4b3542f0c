import type { FrozenRequest } from '../shared/brief.js';
import { type ApiCallerOptions, createApiCaller } from './api-caller.js';
import type {
  ChatOutcome,
  ListModelsOutcome,
  Model,
  ReadCreditsOutcome,
  ReadTaskOutcome,
  SubmitOutcome,
  UploadOutcome,
} from './outcome.js';
import { asNumber, asRecord, parseChatTurn, parseModels, parseTask, parseUpload } from './parse.js';
import { type FileUpload, uploadForm, uploadTimeoutMs } from './upload-form.js';
import { type WebhookClient, webhookClient } from './webhooks.js';

/** A turn may take two minutes (documented), and is on its way for a while. */
const chatTimeoutMs = 150_000;

export interface RivyaClientOptions extends ApiCallerOptions {
  /** Sent as a header and kept nowhere else (S8). */
  apiKey: string;
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
  webhooks: WebhookClient;
  /** Ends all connections at once; a call still under way ends as if its connection had broken. */
  close(): Promise<void>;
}

/** Throws only where the origin or the proxy's address is no URL. */
export function createRivyaClient(options: RivyaClientOptions): RivyaClient {
  const call = createApiCaller(options);
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
    webhooks: webhookClient(call, authorization),
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
