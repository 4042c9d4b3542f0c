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

/** The place of a schedule on its page; two accounts may each have one of that name. */
export function scheduleMark(account: string, schedule: string): string {
  return `${account}/${schedule}`;
}

export function scheduleLink(account: string, schedule: string): string {
  return `${schedulesPath}#${encodeURIComponent(scheduleMark(account, schedule))}`;
}

export const schedulesPath = '/schedules';

/** Where Bull Board is. */
export const boardPath = '/queues';
