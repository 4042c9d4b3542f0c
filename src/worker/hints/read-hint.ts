import { asRecord } from '../../rivya/parse.js';

/** What an event of the API is to us. */
export type EventRead =
  /** A task is said to be over. `event` names the delivery's event, the same when it is repeated; null where it has no name. */
  | { kind: 'hint'; event: string | null; taskId: string }
  /** About something else, such as a test. */
  | { kind: 'other' }
  | { kind: 'unreadable' };

const overTypes = new Set(['generation.succeeded', 'generation.failed']);
/** Of ids: short, and without anything that a log or a key could not hold. */
const idForm = /^[\x21-\x7e]{1,200}$/;
/** How the ids of tasks begin in all that is documented. */
const taskForm = /^task_/;
/** Where the wrapping of a task in an event ends to be believable. */
const deepest = 4;

/** The wrapping of a task in an event is not documented: where it is likely first, then wherever such an id stands. */
export function readHint(text: string): EventRead {
  const event = asRecord(parseJson(text));
  if (typeof event?.type !== 'string') return { kind: 'unreadable' };
  if (!overTypes.has(event.type)) return { kind: 'other' };
  const [data, generation] = [asRecord(event.data), asRecord(event.generation)];
  const likely = [data?.id, generation?.id, asRecord(data?.object)?.id].filter(isId);
  const taskId =
    likely.find((id) => taskForm.test(id)) ?? idOfTaskForm([event], deepest) ?? likely[0];
  if (taskId === undefined) return { kind: 'unreadable' };
  const name = isId(event.id) && event.id.startsWith('evt_') ? event.id : null;
  return { kind: 'hint', event: name, taskId };
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && idForm.test(value);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The one that stands least deep. */
function idOfTaskForm(values: readonly unknown[], depth: number): string | undefined {
  if (depth === 0 || values.length === 0) return undefined;
  const within = values.flatMap((value) => Object.values(value as object) as unknown[]);
  const found = within.find((value) => isId(value) && taskForm.test(value));
  if (found !== undefined) return found as string;
  const deeper = within.filter((value) => typeof value === 'object' && value !== null);
  return idOfTaskForm(deeper, depth - 1);
}
