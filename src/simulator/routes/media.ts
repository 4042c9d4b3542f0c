import type { FastifyInstance, FastifyRequest } from 'fastify';
import { breakDownload } from '../media/break-download.js';
import { readToken } from '../media/media-link.js';
import { renderFile } from '../media/render-file.js';
import { drop } from '../send-answer.js';
import type { SimulatedApi } from '../simulated-api.js';
import { phaseOf, type ResultFile, type SimulatedTask } from '../task-book.js';

type Lookup =
  | { kind: 'found'; task: SimulatedTask; file: ResultFile }
  | { kind: 'refused'; status: number };

/** The result files, as a media host would serve them: no key, but a token in the link. */
export function addMediaRoutes(server: FastifyInstance, api: SimulatedApi): void {
  server.get('/media/:taskId/:fileName', async (request, reply) => {
    const logged = api.history.requests.arrive('download', api.clock.now());
    noteAuthorization(api, request);
    const found = lookUp(api, request);
    if (found.kind === 'refused') {
      logged.status = found.status;
      return reply.code(found.status).type('text/plain').send('This link does not work.');
    }
    const { task, file } = found;
    const { model, prompt } = task;
    const fault = api.faults.draw('download', { endpoint: 'download', model, prompt });
    const whole = renderFile(task, file, { tiny: api.settings.tinyMedia });
    const sent = fault
      ? breakDownload(fault, whole)
      : { status: 200, headers: {}, body: whole.bytes, silent: 'no' as const };
    logged.status = sent.status;
    if (request.raw.destroyed) return drop(reply);
    // Neither ends before the client hangs up, or the simulator closes.
    if (sent.silent === 'from_headers') return reply.hijack();
    reply.code(sent.status).type(whole.mediaType).headers(sent.headers);
    return reply.send(sent.body);
  });
}

function noteAuthorization(api: SimulatedApi, request: FastifyRequest): void {
  if (request.headers.authorization === undefined) return;
  const [path = ''] = request.url.split('?');
  api.history.authorizationViolations.push({ at: api.clock.now(), path });
}

function lookUp(api: SimulatedApi, request: FastifyRequest): Lookup {
  const { taskId, fileName } = request.params as { taskId: string; fileName: string };
  const { token } = request.query as { token?: string };
  const now = api.clock.now();
  api.takeNews();
  const task = api.history.tasks.find(taskId);
  const file = task?.files.find(({ name }) => name === fileName);
  if (!task || !file || phaseOf(task, now) !== 'ended') return { kind: 'refused', status: 404 };
  const reading = readToken(token ?? '', { taskId, fileName }, api.history.linkSecret);
  if (reading.kind === 'forged') return { kind: 'refused', status: 403 };
  const { filesLate } = task.fate;
  if (filesLate !== null && now < task.endsAt + filesLate.forMs) {
    return { kind: 'refused', status: filesLate.status };
  }
  const { urlLifetimeMs, expiredUrlStatus: status } = api.settings;
  const bornDead = task.fate.firstLinks === 'expired' && reading.grant.linkSet === 1;
  const expiresAt = reading.grant.issuedAt + (urlLifetimeMs ?? Number.POSITIVE_INFINITY);
  return bornDead || now >= expiresAt ? { kind: 'refused', status } : { kind: 'found', task, file };
}
