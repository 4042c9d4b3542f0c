import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { BatchError } from '../../shared/errors.js';
import { drawUpBill } from '../bill.js';
import type { SimulatedApi } from '../simulated-api.js';

const creditsSchema = z.union([
  z.strictObject({ add: z.number() }),
  z.strictObject({ set: z.number() }),
]);

/** The simulator's own endpoints: no key, no limit, not in the bill. */
export function addControlRoutes(server: FastifyInstance, api: SimulatedApi): void {
  server.get('/simulator/control', () => readableSettings(api));
  server.post('/simulator/control', (request) => {
    api.control(JSON.parse(String(request.body)));
    return readableSettings(api);
  });
  server.get('/simulator/bill', (request) => {
    const bill = drawUpBill(api);
    const { requests } = request.query as { requests?: string };
    return requests ? { ...bill, requestLog: api.history.requests.all() } : bill;
  });
  server.post('/simulator/reset', () => {
    api.reset();
    return { wallet: api.history.wallet.balance };
  });
  server.post('/simulator/credits', (request) => {
    const change = creditsSchema.safeParse(JSON.parse(String(request.body)));
    if (!change.success) throw new BatchError('usage', z.prettifyError(change.error));
    if ('add' in change.data) api.history.wallet.add(change.data.add);
    else api.history.wallet.set(change.data.set);
    return { wallet: api.history.wallet.balance };
  });
}

/** JSON has no Infinity: the speed is spelt. */
function readableSettings(api: SimulatedApi): Record<string, unknown> {
  const { speed, ...settings } = api.settings;
  return { ...settings, speed: Number.isFinite(speed) ? speed : 'infinity' };
}
