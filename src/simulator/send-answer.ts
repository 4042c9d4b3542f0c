import { STATUS_CODES } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyReply } from 'fastify';
import type { Answer } from './answer.js';

function gatewayPage(status: number): string {
  const words = `${status} ${STATUS_CODES[status] ?? 'Refused'}`;
  return `<html><head><title>${words}</title></head><body><center><h1>${words}</h1></center></body></html>`;
}

/** Sends what was decided. A late answer to a client that has gone meanwhile is dropped. */
export async function sendAnswer(reply: FastifyReply, answer: Answer): Promise<FastifyReply> {
  switch (answer.kind) {
    case 'json':
      return reply
        .code(answer.status)
        .headers(answer.headers ?? {})
        .type('application/json; charset=utf-8')
        .send(JSON.stringify(answer.body));
    case 'gateway-page':
      return reply.code(answer.status).type('text/html').send(gatewayPage(answer.status));
    case 'dropped':
      return drop(reply);
    case 'late':
      // Not kept alive by this timer: a simulator that closes does not wait for it.
      await delay(answer.delayMs, undefined, { ref: false });
      return reply.raw.destroyed ? drop(reply) : sendAnswer(reply, answer.answer);
    default:
      return answer satisfies never;
  }
}

/** Ends the connection without a word, as a crash or a cut line does. */
export function drop(reply: FastifyReply): FastifyReply {
  reply.hijack();
  reply.raw.destroy();
  return reply;
}

/** What the request log notes for an answer: its HTTP status, or `dropped`. */
export function statusOf(answer: Answer): number | 'dropped' {
  switch (answer.kind) {
    case 'json':
    case 'gateway-page':
      return answer.status;
    case 'dropped':
      return 'dropped';
    case 'late':
      return statusOf(answer.answer);
    default:
      return answer satisfies never;
  }
}
