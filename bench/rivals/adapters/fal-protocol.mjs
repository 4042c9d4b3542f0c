// fal's queue API as far as `fal.subscribe` uses it: submit, status, result.
import { model } from '../briefs.mjs';

const statusWords = {
  queued: 'IN_QUEUE',
  processing: 'IN_PROGRESS',
  succeeded: 'COMPLETED',
  failed: 'COMPLETED',
};

export const falProtocol = {
  translate({ method, path, input }) {
    if (method === 'POST' && path === `/rivya/${model}`) {
      const { prompt, ...params } = input;
      const body = { model, prompt, params };
      return { method, path: '/api/v1/generations', body, shape: submitted };
    }
    const [, id, status] = /\/requests\/([^/]+)(\/status)?$/.exec(path) ?? [];
    if (method === 'GET' && id) {
      // Status and result are two requests at fal, so they are two reads here.
      const shape = status ? statusOf : resultOf;
      return { method, path: `/api/v1/generations/${id}`, shape };
    }
    throw new Error(`No translation for ${method} ${path}.`);
  },
};

function submitted({ id }) {
  return { body: { request_id: id, status: 'IN_QUEUE', queue_position: 0 } };
}

function statusOf({ id, status }) {
  return { body: { request_id: id, status: statusWords[status] } };
}

function resultOf({ status, result, error }) {
  if (status === 'failed') return { status: 422, body: { detail: error?.message ?? 'failed' } };
  return { body: { images: result.urls.map((url) => ({ url })) } };
}
