import type { FastifyInstance, FastifyRequest } from 'fastify';
import { errorAnswer } from '../answer.js';
import { notFound } from '../read-generation.js';
import type { SimulatedApi } from '../simulated-api.js';
import { readUpload, type UploadedFile } from '../upload.js';
import { addApiRoute, publicOrigin } from './call.js';

/** POST /files, GET /files/:fileId and the uploaded bytes. The body's field names are assumed: none were documented. */
export function addFileRoutes(server: FastifyInstance, api: SimulatedApi): void {
  addApiRoute(server, api, {
    method: 'POST',
    path: '/api/v1/files',
    endpoint: 'file-upload',
    bodyLimit: 100e6,
    answer: async ({ request }) => {
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      const reading = await readUpload(body, request.headers['content-type'] ?? '');
      if (reading.kind === 'invalid') {
        const { message } = reading;
        const requestId = api.nextId('req');
        return errorAnswer({ status: 400, code: 'validation_failed', message, requestId });
      }
      const file = { ...reading.file, id: api.nextId('file'), createdAt: api.clock.now() };
      api.history.uploads.set(file.id, file);
      return { kind: 'json', status: 200, body: describeFile(file, publicOrigin(api, request)) };
    },
  });
  addApiRoute(server, api, {
    method: 'GET',
    path: '/api/v1/files/:fileId',
    endpoint: 'file-read',
    answer: ({ request }) => {
      const file = api.history.uploads.get(fileIdOf(request));
      if (!file) return notFound(api, fileIdOf(request));
      return { kind: 'json', status: 200, body: describeFile(file, publicOrigin(api, request)) };
    },
  });
  server.get('/uploads/:fileId', (request, reply) => {
    const file = api.history.uploads.get(fileIdOf(request));
    return file ? reply.type(file.mimeType).send(file.bytes) : reply.code(404).send();
  });
}

function describeFile(file: UploadedFile, origin: string): Record<string, unknown> {
  return {
    id: file.id,
    object: 'file',
    kind: file.kind,
    name: file.name,
    mime_type: file.mimeType,
    size: file.bytes.length,
    // The query stands for a signature, which nobody is to show.
    url: `${origin}/uploads/${file.id}?signature=secret-${file.id}`,
    duration_token: file.kind === 'image' ? null : `duration_${file.id}`,
    created_at: new Date(file.createdAt).toISOString(),
  };
}

function fileIdOf(request: FastifyRequest): string {
  return (request.params as { fileId: string }).fileId;
}
