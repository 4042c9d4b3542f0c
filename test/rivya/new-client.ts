import { onTestFinished } from 'vitest';
import { createRivyaClient, type RivyaClientOptions } from '../../src/rivya/client.js';

export const testKey = 'rvya_sk_test-0123456789abcdef';

/** A client with the tests' key, closed when the test ends. */
export function newClient(origin: string, options: Partial<RivyaClientOptions> = {}) {
  const client = createRivyaClient({ origin, apiKey: testKey, ...options });
  onTestFinished(() => client.close());
  return client;
}

export const frozen = {
  idempotencyKey: 'rvb-0123',
  body: '{"model":"z-image","prompt":"ä \\u00e9"}',
};

export const queuedTask = {
  id: 'task_1',
  status: 'queued',
  model: 'z-image',
  reserved_credits: 1,
  final_credits: 0,
  created_at: '2026-05-10T00:00:00.000Z',
  result: null,
  error: null,
};
