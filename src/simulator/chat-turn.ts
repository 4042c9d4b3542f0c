import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { JsonObject } from '../shared/json.js';
import type { Answer } from './answer.js';
import type { ListedModel } from './catalogue.js';
import { clientRequestIdSchema, firstIssue, isAlive } from './check-submission.js';
import type { FaultsByPoint } from './faults/fault.js';
import { drawDurationMs, drawFate } from './make-task.js';
import type { SimulatedApi } from './simulated-api.js';
import { tooMany } from './submit-generation.js';
import { refuse, type SubmitRequest } from './take-submission.js';
import type { SimulatedTask } from './task-book.js';

const efforts = ['default', 'minimal', 'low', 'medium', 'high', 'xhigh'] as const;

const turnSchema = z.looseObject({
  model: z.string(),
  message: z.string().refine((text) => text.trim() !== '', 'required.'),
  session_id: z.string().nullish(),
  attachments: z.array(z.looseObject({ file_id: z.string() })).default([]),
  reasoning_effort: z.enum(efforts).default('default'),
  enable_web_search: z.boolean().default(false),
  client_request_id: clientRequestIdSchema,
});

type Turn = z.output<typeof turnSchema>;

/** What a POST /chat/completions that is new becomes: one turn, which is charged at once and answered when it is over. */
export function acceptTurn(api: SimulatedApi, request: SubmitRequest): Answer {
  if (request.body === undefined) return refuse(api, 400, ['validation_failed', 'body: no JSON.']);
  const parsed = turnSchema.safeParse(request.body);
  if (!parsed.success) {
    return refuse(api, 400, ['validation_failed', firstIssue(parsed.error)]);
  }
  const turn = parsed.data;
  const model = api.catalogue.get(turn.model);
  const refusal = refuseTurn(api, model, turn) ?? tooMany(api);
  return refusal ?? answerTurn(api, model as ListedModel, turn, request);
}

/** An answer comes when its turn is over, also to whoever asks for it again meanwhile. */
export function inItsTime(api: SimulatedApi, answer: Answer): Answer {
  const id = answer.kind === 'json' ? (answer.body as { id?: unknown }).id : null;
  const turn = typeof id === 'string' ? api.history.tasks.find(id) : undefined;
  const delayMs = (turn?.endsAt ?? 0) - api.clock.now();
  return delayMs > 0 ? { kind: 'late', delayMs, answer } : answer;
}

function refuseTurn(api: SimulatedApi, model: ListedModel | undefined, turn: Turn): Answer | null {
  if (model?.category !== 'chat') {
    const message = `model: "${turn.model}" is no chat model.`;
    return refuse(api, 400, ['chat_model_not_supported', message]);
  }
  if (model.api_status !== 'available') {
    const message = `model: "${model.id}" is not available through the API.`;
    return refuse(api, 400, ['chat_model_not_supported', message]);
  }
  const most = model.max_prompt_length;
  if (most !== null && turn.message.length > most) {
    const message = `message: ${turn.message.length} characters; ${model.id} takes at most ${most}.`;
    return refuse(api, 400, ['validation_failed', message]);
  }
  if (turn.session_id) {
    return refuse(api, 409, ['chat_session_conflict', 'session_id: not a session of this API.']);
  }
  if (turn.attachments.length > 0 && model.file_kinds?.includes('image') !== true) {
    const message = `attachments: ${model.id} takes none.`;
    return refuse(api, 400, ['chat_attachment_not_supported', message]);
  }
  for (const { file_id: fileId } of turn.attachments) {
    if (!isAlive(api, fileId)) {
      const message = 'attachments: a file_id is not known, or its upload has expired.';
      return refuse(api, 400, ['validation_failed', message]);
    }
    if (api.history.uploads.get(fileId)?.kind !== 'image') {
      return refuse(api, 400, ['chat_attachment_not_supported', 'attachments: images alone.']);
    }
  }
  return null;
}

function answerTurn(
  api: SimulatedApi,
  model: ListedModel,
  turn: Turn,
  { apiKey, idempotencyKey }: SubmitRequest,
): Answer {
  const { settings, history } = api;
  const subject = { endpoint: 'chat', model: model.id, prompt: turn.message } as const;
  const faults = api.faults.drawAll('fate', subject);
  const fails = faults.find(isFailure);
  if (fails) return refuse(api, 400, [fails.code, `The turn failed: ${fails.code}.`]);
  const reply = faults.some(({ kind }) => kind === 'empty-answer') ? '' : replyTo(turn.message);
  const usage = usageOf(turn, reply);
  const { reserved, final } = creditsOf(model, turn, usage.total_tokens, settings);
  if (!history.wallet.covers(reserved)) {
    const status = settings.insufficientCredits;
    const words = ['insufficient_credits', 'The account does not have enough credits.'] as const;
    return refuse(api, status === 'failed-task' ? 402 : Number(status), words);
  }
  const now = api.clock.now();
  const { attachments, reasoning_effort, enable_web_search } = turn;
  const fate = drawFate(faults, settings.finalFactor);
  const made: SimulatedTask = {
    ...{ apiKey, idempotencyKey },
    id: api.nextId('chatcmpl'),
    model: model.id,
    prompt: turn.message,
    params: { attachments, reasoning_effort, enable_web_search } as JsonObject,
    clientRequestId: turn.client_request_id ?? null,
    fate: { ...fate, finalFactor: (fate.finalFactor * final) / Math.max(1, reserved) },
    files: [],
    reservedCredits: reserved,
    createdAt: now,
    processingAt: now,
    endsAt: now + drawDurationMs('chat', settings, history.durations),
    ...{ finalCredits: 0, chargedCredits: 0, refundedCredits: 0, linkSets: 0 },
    reply,
  };
  history.tasks.add(made);
  const charged = Math.round(reserved * made.fate.finalFactor);
  return { kind: 'json', status: 200, body: describeTurn(api, made, { charged, usage }) };
}

type Failure = Extract<FaultsByPoint['fate'], { kind: 'task-fails' }>;

function isFailure(fault: FaultsByPoint['fate']): fault is Failure {
  return fault.kind === 'task-fails';
}

function describeTurn(
  api: SimulatedApi,
  { id, model, createdAt, reply, reservedCredits, fate }: SimulatedTask,
  { charged, usage }: { charged: number; usage: ReturnType<typeof usageOf> },
): Record<string, unknown> {
  return {
    id,
    object: 'chat.completion',
    session_id: api.nextId('chatsess'),
    model,
    created_at: new Date(createdAt).toISOString(),
    message: { id: api.nextId('msg'), role: 'assistant', content: reply },
    usage,
    credits: { reserved: reservedCredits, final: charged },
    ...fate.extraFields,
  };
}

/** About four characters make a token; a picture is worth some. */
function usageOf({ message, attachments }: Turn, reply: string) {
  const input = Math.ceil(message.length / 4) + 250 * attachments.length;
  const output = Math.ceil(reply.length / 4);
  return { input_tokens: input, output_tokens: output, total_tokens: input + output };
}

const effortWeights = { default: 1, minimal: 0.5, low: 0.75, medium: 1, high: 2, xhigh: 3 };
const tokensPerPrice = 1_000;

/** Reserved for the length of the question, settled by that of question and answer: both grow with them (assumed). */
function creditsOf(
  model: ListedModel,
  { message, reasoning_effort: effort, enable_web_search: search }: Turn,
  tokens: number,
  { prices, priceFactor }: SimulatedApi['settings'],
): { reserved: number; final: number } {
  const base = (prices[model.id] ?? model.base_credits ?? 1) * priceFactor * effortWeights[effort];
  const extra = search ? 1 : 0;
  const reserved = Math.ceil(base * (1 + message.length / 4 / tokensPerPrice)) + extra;
  const final = Math.max(1, Math.ceil((base * tokens) / tokensPerPrice)) + extra;
  return { reserved, final: Math.min(reserved, final) };
}

const looks = ['a plain background', 'soft daylight', 'a wooden table', 'a light wall'];

/** Made of the question alone, so that the same question has the same answer; plausible enough to be looked at. */
export function replyTo(message: string): string {
  const subject = subjectOf(message);
  const seed = createHash('sha256').update(message).digest().readUInt32BE(0);
  const look = looks[seed % looks.length] ?? '';
  const language = /\b(?:in)?to (German|French|Spanish|Italian|Dutch|Polish|Portuguese)\b/i.exec(
    message,
  );
  if (language) return `${subject} [${language[1]}]`;
  if (/alt[ -]text/i.test(message)) return `${subject}, seen from the front against ${look}`;
  if (/descri/i.test(message)) {
    return `${subject}: made to last and easy to like. Shown against ${look}, it fits in wherever it stands.`;
  }
  return `About ${subject}: nothing more is known, but that it goes well with ${look}.`;
}

const longestSubject = 120;

/** What stands in quotes, else what stands behind the last colon, else the last line. */
function subjectOf(message: string): string {
  const quoted = /["“]([^"“”]+)["”]/.exec(message)?.[1];
  const lines = message.trim().split('\n');
  const last = (lines.at(-1) ?? '').trim();
  return (quoted ?? last.slice(last.lastIndexOf(':') + 1))
    .trim()
    .slice(0, longestSubject)
    .replace(/\.$/, '');
}
