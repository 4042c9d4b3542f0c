import type { Redis } from 'ioredis';
import { z } from 'zod';
import { tellNews } from '../shared/news.js';
import type { AccountKeys } from './keys.js';
import { runScript } from './scripts.js';

/** What somebody may want to be told of. */
export const messageKinds = ['finished', 'failed', 'waiting', 'approval'] as const;
export type MessageKind = (typeof messageKinds)[number];

/** Where somebody wants to be told, and of what. */
const webhookSchema = z.object({
  /** A secret: it stands in the one hash that these are kept in, and nowhere else (S8). */
  url: z.string(),
  on: z.array(z.enum(messageKinds)),
  /** Whether it may lead into a private network, or to this machine. */
  network: z.enum(['public', 'any']),
  /** `signed`: whoever has no secret to sign with leaves it to somebody who has. */
  trust: z.enum(['signed', 'unsigned']),
});
export type Webhook = z.infer<typeof webhookSchema>;

/** Who is told: each has a webhook of its own, or none. */
export type Listener = `batch ${string}` | `schedule ${string}`;
/** A message that is still to be told keeps the webhook that its listener had when it was made. */
type Addressed = Listener | `message ${string}`;

/** What became of a message so far. */
const fateSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('due'),
    tries: z.number(),
    /** Why the last try failed, with nothing of the URL (S8); null before the first. */
    why: z.string().nullable(),
    nextMs: z.number(),
  }),
  z.object({ kind: z.literal('told'), tries: z.number(), atMs: z.number() }),
  z.object({
    kind: z.literal('given_up'),
    tries: z.number(),
    atMs: z.number(),
    why: z.string(),
  }),
]);
export type MessageFate = z.infer<typeof fateSchema>;

const messageSchema = z.object({
  v: z.literal(1),
  /** The same over all repetitions. */
  id: z.string(),
  kind: z.enum(messageKinds),
  batch: z.string().nullable(),
  /** A schedule's run, where it is told of that and not of a batch. */
  schedule: z.object({ name: z.string(), run: z.string() }).nullable(),
  /** What is sent, byte by byte. */
  body: z.string(),
  madeMs: z.number(),
  fate: fateSchema,
});
export type Message = z.infer<typeof messageSchema>;

/** Something that has come about, with the message that tells of it. */
export interface Announcement {
  to: Listener;
  /** One of these has to be wanted there. */
  wantedAs: readonly [MessageKind, ...MessageKind[]];
  message: Message;
}

/** Where it is noted that something has come about: whoever finds it there tells it no second time. */
export interface Noted {
  /** A hash. */
  key: string;
  field: string;
  value: string;
  /** Where that does not stand there any more, it has not come about after all; null for nothing of the kind. */
  while: { field: string; value: string } | null;
  /** `if_wanted`: whoever wants to be told later finds it as news. */
  when: 'always' | 'if_wanted';
  /** Fields that are set with it. */
  with: Record<string, string>;
}

export type Announced = 'kept' | 'unwanted' | 'known' | 'outdated';

export type TakenMessage =
  | { kind: 'taken'; message: Message; webhook: Webhook }
  /** `nextMs`: when one will be; null where there are none. */
  | { kind: 'none_due'; nextMs: number | null };

/** So many that are over are kept, for people to look at. */
const mostKept = 500;

/** What an account has to tell: who is told where, and the messages that were told, or are still to be. */
export class MessageLedger {
  constructor(
    private readonly redis: Redis,
    private readonly prefix: string,
    private readonly account: string,
    private readonly keys: AccountKeys,
  ) {}

  /** Null where nobody is told; those of several with one command. Not to be shown or logged: see `Webhook.url`. */
  async webhooks(listeners: readonly Addressed[]): Promise<(Webhook | null)[]> {
    if (listeners.length === 0) return [];
    const texts = await this.redis.hmget(this.keys.webhooks, ...listeners);
    return texts.map((text) => (text === null ? null : readWebhook(text)));
  }

  /** `none`: nobody is told from now on. Messages that are made already are told where they were to be. */
  async listen(listener: Listener, webhook: Webhook | 'none'): Promise<void> {
    const { webhooks } = this.keys;
    if (webhook === 'none') await this.redis.hdel(webhooks, listener);
    else await this.redis.hset(webhooks, listener, JSON.stringify(webhook));
  }

  /** Keeps a message where it is wanted, in one step with the note that it is made. */
  async announce({ to, wantedAs, message }: Announcement, noted: Noted | null): Promise<Announced> {
    const { webhooks, messages, messagesDue } = this.keys;
    const reply = (await runScript(this.redis, 'announce', {
      keys: [noted?.key ?? messages, webhooks, messages, messagesDue],
      values: [
        ...[noted?.field ?? '', noted?.value ?? '', to, wantedAs.join(',')],
        ...[message.id, JSON.stringify(message), message.madeMs],
        ...[noted?.while?.field ?? '', noted?.while?.value ?? '', noted?.when ?? ''],
        ...Object.entries(noted?.with ?? {}).flat(),
      ],
    })) as Announced;
    // Whoever tells messages, on whichever machine, tells it now.
    if (reply === 'kept') await tellNews(this.redis, this.prefix, this.news);
    return reply;
  }

  private get news() {
    return { about: 'messages', name: this.account } as const;
  }

  /** One that is due; nobody else is given it for as long as `tryMs`. */
  async take(nowMs: number, tryMs: number): Promise<TakenMessage> {
    const { messagesDue, messages, webhooks } = this.keys;
    const reply = (await runScript(this.redis, 'take-message', {
      keys: [messagesDue, messages, webhooks],
      values: [nowMs, nowMs + tryMs],
    })) as string[];
    const [message = '', webhook] = reply;
    if (webhook !== undefined) {
      return { kind: 'taken', message: readMessage(message), webhook: readWebhook(webhook) };
    }
    return { kind: 'none_due', nextMs: message === '' ? null : Number(message) };
  }

  /** What came of a try. */
  async noteTry(message: Message, fate: MessageFate, nowMs: number): Promise<void> {
    const { messagesDue, messages, webhooks, messagesOver } = this.keys;
    await runScript(this.redis, 'note-try', {
      keys: [messagesDue, messages, webhooks, messagesOver],
      values: [
        message.id,
        JSON.stringify({ ...message, fate }),
        fate.kind === 'due' ? fate.nextMs : '',
        ...[nowMs, mostKept],
      ],
    });
  }

  /** All that are to be told, and the last ones that are over; the latest first. */
  async all(): Promise<Message[]> {
    const texts = await this.redis.hvals(this.keys.messages);
    return texts.map(readMessage).sort((left, right) => right.madeMs - left.madeMs);
  }
}

function readMessage(text: string): Message {
  return messageSchema.parse(JSON.parse(text));
}

function readWebhook(text: string): Webhook {
  return webhookSchema.parse(JSON.parse(text));
}
