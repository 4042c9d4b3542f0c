import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { acceptTurn, inItsTime } from '../chat-turn.js';
import { readGeneration } from '../read-generation.js';
import type { SimulatedApi } from '../simulated-api.js';
import { acceptGeneration } from '../submit-generation.js';
import { takeSubmission } from '../take-submission.js';
import { addApiRoute, type Call, publicOrigin } from './call.js';

const describedSchema = z
  .object({
    model: z.string().nullable().catch(null),
    prompt: z.string().nullish().catch(null),
    message: z.string().nullish().catch(null),
  })
  .transform(({ model, prompt, message }) => ({ model, prompt: prompt ?? message ?? null }));

/** POST /generations, POST /chat/completions and GET /generations/:taskId. */
export function addGenerationRoutes(server: FastifyInstance, api: SimulatedApi): void {
  // Read twice of each request, for its rules and for its answer: parsed once.
  const bodies = new WeakMap<FastifyRequest, unknown>();
  const describe = (request: FastifyRequest) => {
    const body = parseJson(request);
    bodies.set(request, body);
    return describedSchema.catch({ model: null, prompt: null }).parse(body);
  };
  const submission = ({ apiKey, request }: Call) => ({
    apiKey,
    idempotencyKey: headerOf(request, 'idempotency-key'),
    text: bodyText(request),
    body: bodies.get(request),
  });
  addApiRoute(server, api, {
    method: 'POST',
    path: '/api/v1/generations',
    endpoint: 'submit',
    describe,
    answer: (call) => takeSubmission(api, submission(call), call.subject, acceptGeneration),
  });
  addApiRoute(server, api, {
    method: 'POST',
    path: '/api/v1/chat/completions',
    endpoint: 'chat',
    describe,
    answer: (call) =>
      inItsTime(api, takeSubmission(api, submission(call), call.subject, acceptTurn)),
  });
  addApiRoute(server, api, {
    method: 'GET',
    path: '/api/v1/generations/:taskId',
    endpoint: 'read',
    describe: (request) => {
      const task = api.history.tasks.find(taskIdOf(request));
      return { model: task?.model ?? null, prompt: task?.prompt ?? null };
    },
    answer: ({ subject, request }) => {
      const taskId = taskIdOf(request);
      const task = api.history.tasks.find(taskId);
      return readGeneration(api, { taskId, task, origin: publicOrigin(api, request) }, subject);
    },
  });
}

function bodyText(request: FastifyRequest): string {
  return Buffer.isBuffer(request.body) ? request.body.toString() : '';
}

/** Undefined for what is no JSON, or not declared as such. */
function parseJson(request: FastifyRequest): unknown {
  if (!request.headers['content-type']?.startsWith('application/json')) return undefined;
  try {
    return JSON.parse(bodyText(request));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function headerOf(request: FastifyRequest, name: string): string | null {
  const value = request.headers[name];
  return typeof value === 'string' && value !== '' ? value : null;
}

function taskIdOf(request: FastifyRequest): string {
  return (request.params as { taskId: string }).taskId;
}
