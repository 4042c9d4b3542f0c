import { createHash } from 'node:crypto';
import { newsChannel } from '../shared/news.js';
import { bullPrefix, queueName } from '../shared/queue-names.js';

/** Every Redis key of ours is made here. `prefix` lets several installations share one Redis. */
export function batchesKey(prefix: string): string {
  return `${prefix}:batches`;
}

/** String: what `lua/now.lua` remembers of Redis' clock. */
export function clockKey(prefix: string): string {
  return `${prefix}:time`;
}

/** String: the format of all keys of ours, see `shared/state-format.ts`. */
export function formatKey(prefix: string): string {
  return `${prefix}:format`;
}

export interface BatchKeys {
  /** Hash: what the batch is, and its counters. */
  meta: string;
  /** Hash: brief id -> stage, see `brief-state.ts`. */
  state: string;
  /** Hash: brief id -> origin and request body, until its line is written. */
  content: string;
  /** List: finished lines that are not in the manifest yet. */
  outbox: string;
  /** Hash: asset name without regard to case -> brief id, where the two differ; brief id and later attempt -> its name's form. */
  names: string;
  /** Hash: brief id -> credits reserved for it, see `lua/credits.lua`. */
  reservations: string;
  /** Hash: brief id -> what is known of its result before its line, or for steps; and what was decided about it: see `result-ledger.ts`. */
  results: string;
  /** Hash: brief id -> ids of the steps that come after it, separated by newlines. */
  followers: string;
  /** Hash: brief that is open again -> attempt of the line that is still to leave the manifest, 0 for none. */
  reopened: string;
  /** Why a worker could not begin with it lately; expires. */
  notBegun: string;
  /** Why files of finished tasks could not be fetched lately; expires. */
  fileTrouble: string;
  /** Hash: SHA-256 of a file that briefs refer to -> where it is. See `reference-ledger.ts`. */
  files: string;
  /** Hash: brief id -> what its attempt sends in place of files. See `reference-ledger.ts`. */
  addresses: string;
  /** Hash: bucket of time and kind -> answers that refused a request. See `lua/count-refusal.lua`. */
  refusals: string;
  /** Hash: rings of what was done lately, see `history.ts`. */
  history: string;
  /** List: what people have done to it, the latest first: see `deeds.ts`. It stays with the record of a batch that leaves Redis. */
  deeds: string;
  /** String: the machine that keeps the batch's folder, where that mirrors a bucket; expires. */
  keeper: string;
  /** Hash of BullMQ: has a field `paused` while the batch's queue of submissions is, and with it the batch. */
  submitQueue: string;
}

export function batchKeys(prefix: string, batch: string): BatchKeys {
  const base = `${prefix}:batch:${batch}`;
  return {
    meta: `${base}:meta`,
    state: `${base}:state`,
    content: `${base}:content`,
    outbox: `${base}:outbox`,
    names: `${base}:names`,
    reservations: `${base}:reservations`,
    results: `${base}:results`,
    followers: `${base}:followers`,
    reopened: `${base}:reopened`,
    notBegun: `${base}:not-begun`,
    fileTrouble: `${base}:file-trouble`,
    files: `${base}:files`,
    addresses: `${base}:addresses`,
    refusals: `${base}:refusals`,
    history: `${base}:history`,
    deeds: `${base}:deeds`,
    keeper: `${base}:keeper`,
    submitQueue: `${bullPrefix(prefix)}:${queueName(batch, 'submit')}:meta`,
  };
}

export interface AccountKeys {
  /** Hash: when the next request may be sent, and what was learned of the limit. */
  pace: string;
  /** Hash: the same for submissions alone, where workers were told that the API counts them apart. */
  submitPace: string;
  /** Sorted set: briefs with a task that is sent and not known to be over -> since when. */
  inFlight: string;
  /** Hash: why submissions are held, if they are; and the balance that the API last told. */
  gate: string;
  /** Hash: live worker -> the limits it was told. */
  workers: string;
  /** Hash: price kind -> the largest price seen. */
  prices: string;
  /** Hash: price kind -> the in-flight member that goes first, while its price is not known. */
  firsts: string;
  /** What the key of a UTC day begins with: credits spent and reserved on that day. */
  day: string;
  /** What the key of a kind's or a model's sketch of past durations begins with: see `durations.ts`. */
  durations: string;
  /** What the key of a model's sketch begins with of how late ends of tasks were noticed: likewise. */
  notices: string;
  /** What the key of a task begins with that is accepted and not known to be over: its brief, while hints are taken. */
  tasks: string;
  /** String: what people call the key. */
  label: string;
  /** Hash: endpoint and outcome -> answers so far. */
  answers: string;
  /** Hash: rings of what was done lately, see `history.ts`. */
  history: string;
  /** See `clockKey`. */
  clock: string;
  /** What the key of a file's upload for a model begins with: see `upload-ledger.ts`. */
  uploads: string;
  /**
   * Hash: `batch NAME`, `schedule NAME`, or `message ID` while that is not told -> where to, and of what: a secret that is
   * in no other place (S8). See `message-ledger.ts`.
   */
  webhooks: string;
  /** Hash: id -> message. */
  messages: string;
  /** Sorted set: id of a message that is to be told -> when it is tried next. */
  messagesDue: string;
  /** Sorted set: id of one that was told or given up -> when. */
  messagesOver: string;
  /** No key: the channel of news. */
  news: string;
}

export function accountKeys(prefix: string, account: string): AccountKeys {
  const base = `${prefix}:account:${account}`;
  return {
    pace: `${base}:pace`,
    submitPace: `${base}:pace:submit`,
    inFlight: `${base}:in-flight`,
    gate: `${base}:gate`,
    workers: `${base}:workers`,
    prices: `${base}:prices`,
    firsts: `${base}:firsts`,
    day: `${base}:day:`,
    durations: `${base}:durations:`,
    notices: `${base}:notices:`,
    tasks: `${base}:tasks:`,
    label: `${base}:label`,
    answers: `${base}:answers`,
    history: `${base}:history`,
    news: newsChannel(prefix),
    clock: clockKey(prefix),
    uploads: `${base}:uploads:`,
    webhooks: `${base}:webhooks`,
    messages: `${base}:messages`,
    messagesDue: `${base}:messages-due`,
    messagesOver: `${base}:messages-over`,
  };
}

/** Hash: account -> API origin, of accounts that ever had a schedule: whoever has no key finds them by it. */
export function scheduleOwnersKey(prefix: string): string {
  return `${prefix}:schedule-owners`;
}

export interface ScheduleKeys {
  /** Of all accounts together: see `scheduleOwnersKey`. */
  owners: string;
  /** Hash: name -> schedule, see `schedule.ts`. */
  schedules: string;
  /** Hash: name -> URL: where earlier versions kept what `AccountKeys.webhooks` has now. */
  earlierWebhooks: string;
  /** What the key of a schedule's runs begins with. Hash: run id -> record, see `../schedule/schedule.ts`. */
  runs: string;
  /** What the key of a schedule's deeds begins with. List: see `../ledger/deeds.ts`. */
  deeds: string;
  /** What the key of a schedule's batch names begins with. Hash: batch -> run id. */
  names: string;
}

export function scheduleKeys(prefix: string, account: string): ScheduleKeys {
  const base = `${prefix}:account:${account}`;
  return {
    owners: scheduleOwnersKey(prefix),
    schedules: `${base}:schedules`,
    earlierWebhooks: `${base}:schedule-webhooks`,
    runs: `${base}:schedule-runs:`,
    deeds: `${base}:schedule-deeds:`,
    names: `${base}:schedule-names:`,
  };
}

/** One API origin and key share one pace and one in-flight cap (S7); the key itself is not stored (S8). */
export function accountHash(origin: string, apiKey: string): string {
  return createHash('sha256').update(`${origin}\n${apiKey}`).digest('hex').slice(0, 16);
}

/** The member of the in-flight set; the brief id comes last because it may hold any character. */
export function inFlightMember(batch: string, briefId: string): string {
  return `${batch}\n${briefId}`;
}
