/** Names hold any character, slashes included: they travel in the query, never in the path. */
export function batchLink(batch: string): string {
  return `/batch?${new URLSearchParams({ name: batch })}`;
}

export function briefLink(batch: string, id: string): string {
  return `/brief?${new URLSearchParams({ batch, id })}`;
}

export function findLink(text: string, batch: string): string {
  return `/find?${new URLSearchParams({ text, batch })}`;
}

export function queueLink(queue: string): string {
  return `${boardPath}/queue/${encodeURIComponent(queue)}`;
}

/** Where Bull Board is. */
export const boardPath = '/queues';
