// Replicate's HTTP API as far as `replicate.run` uses it: create a prediction, get a prediction.
import { model } from '../briefs.mjs';

const statusWords = {
  queued: 'starting',
  processing: 'processing',
  succeeded: 'succeeded',
  failed: 'failed',
};

export const replicateProtocol = {
  translate({ method, path, input }) {
    if (method === 'POST' && path === `/v1/models/rivya/${model}/predictions`) {
      // The client asks with `Prefer: wait` for an answer that is held back until the prediction is there. Replicate
      // may answer `starting` at once, after which the client polls; Rivya's API has nothing else to offer.
      const { prompt, ...params } = input.input;
      const body = { model, prompt, params };
      return { method, path: '/api/v1/generations', body, shape: (task) => prediction(task, 201) };
    }
    const [, id] = /^\/v1\/predictions\/([^/]+)$/.exec(path) ?? [];
    if (method === 'GET' && id) {
      return { method, path: `/api/v1/generations/${id}`, shape: (task) => prediction(task, 200) };
    }
    throw new Error(`No translation for ${method} ${path}.`);
  },
};

function prediction({ id, status, result, error }, httpStatus) {
  const body = {
    id,
    status: statusWords[status],
    output: result?.urls ?? null,
    error: error?.message ?? null,
  };
  return { status: httpStatus, body };
}
