import { randomUUID } from 'node:crypto';
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import type { Redis } from 'ioredis';
import pc from 'picocolors';
import { Bucket } from '../../bucket/bucket.js';
import { isBucketAddress } from '../../bucket/bucket-address.js';
import { formatKey } from '../../ledger/keys.js';
import type { RivyaClient } from '../../rivya/client.js';
import { judgeKey } from '../../rivya/judge-answer.js';
import type { ReadCreditsOutcome } from '../../rivya/outcome.js';
import type { Settings } from '../../session/environment.js';
import { openClient } from '../../session/open-client.js';
import { BatchError } from '../../shared/errors.js';
import { outOfCredits } from '../../shared/out-of-credits.js';
import { formatBytes, formatCredits } from '../../shared/quantities.js';
import { checkFormat } from '../../shared/state-format.js';
import { readMemory } from '../../store/inspect-redis.js';
import { openStore, type Store } from '../../store/open-store.js';
import { explainReply } from '../../store/reach-redis.js';
import { hangingLines, type Terminal } from '../text/terminal.js';

const subject = 'Rivya API';

/** Asks nothing that could cost anything. */
export async function checkApi(settings: Settings): Promise<Finding[]> {
  if (!settings.apiKey) {
    const text = 'RIVYA_API_KEY is not set: create a key in Rivya under Settings';
    return [{ subject, level: 'error', text }];
  }
  const client = openClient(settings);
  try {
    const credits = await client.readCredits();
    const findings = [judgeCredits(settings, credits)];
    if (judgeKey(credits).kind !== 'works') return findings;
    findings.push(
      await checkReading(client),
      await checkSubmitting(client),
      await checkUploading(client),
    );
    if (settings.hooksPath !== null) findings.push(await checkWebhooks(client, settings.hooksPath));
    if (credits.kind === 'read' && credits.clockAheadMs !== null)
      findings.push(checkClock('the API', credits.clockAheadMs));
    return findings;
  } finally {
    await client.close();
  }
}

function judgeCredits(
  { origin, keyLabel }: Pick<Settings, 'origin' | 'keyLabel'>,
  outcome: ReadCreditsOutcome,
): Finding {
  const key = keyLabel === null ? 'the key' : `the key ${keyLabel}`;
  switch (outcome.kind) {
    case 'read': {
      const text = `${origin} takes ${key}; ${formatCredits(outcome.currentCredits)} left`;
      return outcome.currentCredits > 0
        ? { subject, level: 'ok', text }
        : { subject, level: 'warning', text: `${text}: the account is ${outOfCredits(origin)}` };
    }
    case 'refused': {
      const { code, message } = outcome.refusal;
      return { subject, level: 'error', text: `${origin} refuses ${key}: ${code}. ${message}` };
    }
    case 'unknown':
    case 'unreachable':
      return { subject, level: 'error', text: `${origin} gave no answer: ${outcome.reason}` };
    default:
      return outcome satisfies never;
  }
}

/** A task that cannot exist: whoever may read is told that there is none. */
async function checkReading(client: RivyaClient): Promise<Finding> {
  const outcome = await client.readTask(`doctor-${randomUUID()}`);
  return judgeScope('generations:read', outcome);
}

/** No JSON, so no API can make a task of it: whoever may submit is told that it is invalid. */
async function checkSubmitting(client: RivyaClient): Promise<Finding> {
  const outcome = await client.submit({ idempotencyKey: `doctor-${randomUUID()}`, body: '?' });
  return judgeScope('generations:create', outcome);
}

/** A byte of no kind that any model takes: whoever may upload is told so. Only briefs with files need it. */
async function checkUploading(client: RivyaClient): Promise<Finding> {
  const outcome = await client.uploadFile({
    content: Readable.from([Buffer.from('?')]),
    bytes: 1,
    name: 'doctor',
    mediaType: 'doctor/none',
    model: 'doctor',
    clientRequestId: `doctor-${randomUUID()}`,
  });
  const finding = judgeScope('files:create', outcome);
  if (finding.level !== 'error') return finding;
  const text = `${finding.text} before a run with references to files; no other needs it`;
  return { ...finding, level: 'warning', text };
}

type Answered = Awaited<
  ReturnType<RivyaClient['submit'] | RivyaClient['readTask'] | RivyaClient['uploadFile']>
>;

function judgeScope(scope: string, outcome: Answered): Finding {
  const subject = 'Scope';
  if (outcome.kind === 'uploaded') return { subject, level: 'ok', text: `the key has ${scope}` };
  if (outcome.kind === 'refused') {
    const { kind, code, message } = outcome.refusal;
    if (kind === 'key_refused') {
      const text = `${scope} is missing (${code}): ${message} Create a key that has it`;
      return { subject, level: 'error', text };
    }
    if (kind === 'not_found' || kind === 'invalid') {
      return { subject, level: 'ok', text: `the key has ${scope}` };
    }
  }
  const said = outcome.kind === 'refused' ? outcome.refusal.code : outcome.kind;
  const text = `it is not known whether the key has ${scope} (${said}): try again`;
  return { subject, level: 'warning', text };
}

/** Where hints are to be taken: whether Rivya knows an address that ends in their path. The path is a secret (S8). */
async function checkWebhooks(client: RivyaClient, path: string): Promise<Finding> {
  const subject = 'Webhooks';
  const outcome = await client.webhooks.list();
  if (outcome.kind !== 'answered') {
    const said = outcome.kind === 'refused' ? outcome.refusal.code : outcome.reason;
    const text = `it is not known whether Rivya knows where to send hints (${said}); to see that, the key needs webhooks:manage`;
    return { subject, level: 'warning', text };
  }
  const own = outcome.content.find(({ url }) => url?.endsWith(`/${path}`));
  if (!own) {
    const text =
      'Rivya has no webhook with the path that is set here: create one with "rivya-batch webhooks create"';
    return { subject, level: 'warning', text };
  }
  const last = own.lastSuccessAt === null ? 'none has arrived yet' : `last at ${own.lastSuccessAt}`;
  const fails = own.failures ? `, ${own.failures} failed` : '';
  const text = `Rivya sends hints to ${own.id} (${own.status ?? 'status unknown'}; ${last}${fails})`;
  return { subject, level: own.status === 'active' ? 'ok' : 'warning', text };
}

/** Delays are told by the machine that sets them and kept by the one that works on them. */
const noticeableMs = 5_000;

/** @param aheadMs this machine's clock, compared with the other one */
export function checkClock(other: string, aheadMs: number): Finding {
  const subject = 'Clock';
  const seconds = Math.abs(aheadMs / 1000);
  if (Math.abs(aheadMs) <= noticeableMs) {
    return { subject, level: 'ok', text: `agrees with ${other}` };
  }
  const way = aheadMs > 0 ? 'ahead of' : 'behind';
  const text = `this machine is ${seconds.toFixed(0)} s ${way} ${other}: set both clocks by NTP`;
  return { subject, level: 'warning', text };
}

/** Whether results can be written there, and for how long. */
export function checkOutput(settings: Settings, out: string): Promise<Finding> {
  return isBucketAddress(out) ? checkBucket(settings, out) : checkFolder(resolve(out));
}

/** Writes, reads and deletes a small file, and sees whether a condition is held to. */
async function checkBucket({ s3Endpoint, proxy }: Settings, out: string): Promise<Finding> {
  const subject = 'Output bucket';
  const bucket = Bucket.open(out, { endpoint: s3Endpoint, proxy });
  const probe = `.${randomUUID()}.probe`;
  const absent = { onlyIf: 'absent', mediaType: 'text/plain' } as const;
  try {
    await bucket.put(probe, { text: 'one' }, absent);
    const second = await bucket.put(probe, { text: 'two' }, absent);
    await bucket.remove(probe);
    return second.kind === 'overtaken'
      ? { subject, level: 'ok', text: `${bucket.address}: can be written` }
      : {
          subject,
          level: 'error',
          text: `${bucket.address}: the service writes over what is there although it was asked not to (If-None-Match): two machines could write over each other's lines. Use a service that checks If-None-Match, as Amazon S3 does.`,
        };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { subject, level: 'error', text };
  } finally {
    await bucket.close();
  }
}

async function checkFolder(out: string): Promise<Finding> {
  const subject = 'Output folder';
  const probe = join(out, `.${randomUUID()}.probe`);
  try {
    await mkdir(out, { recursive: true });
    await writeFile(probe, 'probe');
    const { bavail, bsize } = await statfs(out);
    const gigabytes = (bavail * bsize) / 1e9;
    return gigabytes < 1
      ? { subject, level: 'warning', text: `${out}: only ${gigabytes.toFixed(2)} GB left` }
      : { subject, level: 'ok', text: `${out}: writable, ${gigabytes.toFixed(0)} GB left` };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    return { subject, level: 'error', text: `${out} cannot be written (${code})` };
  } finally {
    await rm(probe, { force: true });
  }
}

const leastNode = [20, 19] as const;

/** @param version such as `20.19.0` */
export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const fits = major > leastNode[0] || (major === leastNode[0] && minor >= leastNode[1]);
  return {
    subject: 'Node.js',
    level: fits ? 'ok' : 'error',
    text: fits ? version : `${version}: install 20.19 or later`,
  };
}

/** Schedules need the zones' data: a Node that was built without it takes every zone for UTC, or knows none. */
export function checkTimeZones(): Finding {
  const subject = 'Time zones';
  try {
    const [winter, summer] = ['2026-01-15T12:00Z', '2026-07-15T12:00Z'].map(hourInBerlin);
    if (winter === '13' && summer === '14') {
      return { subject, level: 'ok', text: `data of ${process.versions.tz ?? 'this system'}` };
    }
  } catch {
    // Said below: this Node does not know the zone.
  }
  const text =
    'Node.js has no time zone data, so schedules would run at wrong hours: install a Node.js with full ICU';
  return { subject, level: 'error', text };
}

function hourInBerlin(time: string): string {
  const format = { timeZone: 'Europe/Berlin', hour: '2-digit', hourCycle: 'h23' } as const;
  return new Intl.DateTimeFormat('en', format).format(new Date(time));
}

const redisSubject = 'Redis';
/** Measured: 1,800 bytes once admitted, with a prompt of 150 characters; somewhat more while it is under way. */
const briefBytes = 3_000;
const fewBriefs = 25_000;

export async function checkRedis({ redisUrl, home, prefix }: Settings): Promise<Finding[]> {
  try {
    const store = await openStore({ redisUrl, home });
    try {
      return await findingsOf(store, prefix);
    } finally {
      await store.close();
    }
  } catch (error) {
    const known = error instanceof BatchError ? error : explainReply(error);
    if (!known) throw error;
    return [{ subject: redisSubject, level: 'error', text: known.message }];
  }
}

async function findingsOf(store: Store, prefix: string): Promise<Finding[]> {
  const kind = store.kind === 'private' ? 'private Redis' : 'Redis';
  const redis = store.connect('doctor');
  checkFormat(await redis.get(formatKey(prefix)), `what is in the Redis at ${store.where}`);
  await tryScript(redis, prefix);
  return [
    { subject: redisSubject, level: 'ok', text: `${kind} at ${store.where}` },
    ...store.warnings.map((text): Finding => ({ subject: redisSubject, level: 'warning', text })),
    ...(await checkMemory(redis)),
    checkClock('Redis', await aheadOf(redis)),
  ];
}

/** What all our work is done with: a script that writes a key of ours; a user of Redis may not be allowed to. */
async function tryScript(redis: Redis, prefix: string): Promise<void> {
  const key = `${prefix}:doctor`;
  await redis.eval("redis.call('SET', KEYS[1], '1') return redis.call('DEL', KEYS[1])", 1, key);
}

async function aheadOf(redis: Redis): Promise<number> {
  const [seconds = 0, microseconds = 0] = (await redis.time()).map(Number);
  return Date.now() - (seconds * 1000 + microseconds / 1000);
}

async function checkMemory(redis: Redis): Promise<Finding[]> {
  const memory = await readMemory(redis);
  if (memory === null) return [];
  const leftBytes = Math.max(0, memory.mostBytes - memory.usedBytes);
  const briefs = Math.floor(leftBytes / briefBytes);
  const left = `${formatBytes(leftBytes)} of ${formatBytes(memory.mostBytes)} left`;
  const room = `room for about ${roughly(briefs)} more briefs`;
  if (briefs >= fewBriefs) return [{ subject: 'Memory', level: 'ok', text: `${left}: ${room}` }];
  const text = `${left}: ${room}. Give Redis more memory, or forget finished batches`;
  return [{ subject: 'Memory', level: 'warning', text }];
}

/** Two digits: more would be a promise. */
function roughly(count: number): string {
  return Number(count.toPrecision(2)).toLocaleString('en');
}

/** One line of the diagnosis, with the remedy where something is wrong. */
export interface Finding {
  subject: string;
  level: 'ok' | 'warning' | 'error';
  text: string;
}

export function findingLines({ subject, level, text }: Finding, terminal: Terminal): string[] {
  const colours = { ok: pc.green, warning: pc.yellow, error: pc.red };
  const head = `${colours[level](level.padEnd(8))} ${subject.padEnd(14)} `;
  return hangingLines(head, text, terminal.lineWidth);
}
