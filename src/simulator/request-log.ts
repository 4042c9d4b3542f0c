import type { Endpoint } from './endpoint.js';

export interface LoggedRequest {
  /** Milliseconds since the epoch, of arrival. */
  at: number;
  endpoint: Endpoint;
  /** Null while it is not answered. */
  status: number | 'dropped' | null;
}

/** Every request but those of the control endpoints, in order of arrival. */
export class RequestLog {
  readonly #requests: LoggedRequest[] = [];

  arrive(endpoint: Endpoint, at: number): LoggedRequest {
    const request: LoggedRequest = { at, endpoint, status: null };
    this.#requests.push(request);
    return request;
  }

  all(): readonly LoggedRequest[] {
    return this.#requests;
  }

  /** Counts by endpoint, then by status. */
  counts(): Record<string, Record<string, number>> {
    const counts: Record<string, Record<string, number>> = {};
    for (const { endpoint, status } of this.#requests) {
      counts[endpoint] ??= {};
      const byStatus = counts[endpoint];
      const word = String(status ?? 'unanswered');
      byStatus[word] = (byStatus[word] ?? 0) + 1;
    }
    return counts;
  }

  /** The most requests to the API (downloads are none) in any span of `windowMs`, refused ones included. */
  maxInWindow(windowMs: number): number {
    const times = this.#requests.filter(isApiRequest).map(({ at }) => at);
    let most = 0;
    let first = 0;
    times.forEach((at, last) => {
      while ((times[first] ?? at) <= at - windowMs) first += 1;
      most = Math.max(most, last - first + 1);
    });
    return most;
  }
}

function isApiRequest({ endpoint }: LoggedRequest): boolean {
  return endpoint !== 'download';
}
