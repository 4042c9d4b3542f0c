import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Answer } from '../answer.js';
import type { Endpoint } from '../endpoint.js';
import type { FaultSubject } from '../faults/fault-rules.js';
import { bearerKey, passGate } from '../pass-gate.js';
import { sendAnswer, statusOf } from '../send-answer.js';
import type { SimulatedApi } from '../simulated-api.js';

/** A request to the API that has come through the gate. */
export interface Call {
  apiKey: string;
  subject: FaultSubject;
  request: FastifyRequest;
}

export interface ApiRoute {
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  endpoint: Endpoint;
  bodyLimit?: number;
  /** What fault rules can know of the request before it is answered. */
  describe?: (request: FastifyRequest) => Pick<FaultSubject, 'model' | 'prompt'>;
  answer: (call: Call) => Answer | Promise<Answer>;
}

/** Adds one endpoint of the API: counted, gated, answered. */
export function addApiRoute(server: FastifyInstance, api: SimulatedApi, route: ApiRoute): void {
  const { method, path: url, endpoint, bodyLimit } = route;
  const handler = async (request: FastifyRequest, reply: FastifyReply) => {
    const logged = api.history.requests.arrive(endpoint, api.clock.now());
    api.takeNews();
    api.history.tasks.settleDue(api.clock.now());
    const apiKey = bearerKey(request.headers.authorization);
    const described = route.describe?.(request) ?? { model: null, prompt: null };
    const subject: FaultSubject = { endpoint, ...described };
    const passage = passGate(api, apiKey, subject);
    const answer =
      passage.kind === 'passed'
        ? await route.answer({ apiKey: apiKey ?? 'anonymous', subject, request })
        : passage.answer;
    logged.status = statusOf(answer);
    if (passage.kind === 'passed') reply.headers(passage.headers);
    return sendAnswer(reply, answer);
  };
  server.route({ method, url, handler, ...(bodyLimit === undefined ? {} : { bodyLimit }) });
}

/** What the URLs in answers start with: as set, else as the client itself called us. */
export function publicOrigin(api: SimulatedApi, request: FastifyRequest): string {
  return api.settings.publicOrigin ?? `http://${request.headers.host ?? request.hostname}`;
}
