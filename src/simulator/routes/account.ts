import type { FastifyInstance } from 'fastify';
import type { SimulatedApi } from '../simulated-api.js';
import { addApiRoute } from './call.js';

/** GET /models (public) and GET /credits. */
export function addAccountRoutes(server: FastifyInstance, api: SimulatedApi): void {
  addApiRoute(server, api, {
    method: 'GET',
    path: '/api/v1/models',
    endpoint: 'models',
    answer: () => {
      const body = { object: 'list', data: [...api.catalogue.values()] };
      return { kind: 'json', status: 200, body };
    },
  });
  addApiRoute(server, api, {
    method: 'GET',
    path: '/api/v1/credits',
    endpoint: 'credits',
    answer: () => {
      const body = { current_credits: api.history.wallet.balance };
      return { kind: 'json', status: 200, body };
    },
  });
}
