import type { Redis } from 'ioredis';
import pLimit from 'p-limit';
import { z } from 'zod';
import { type BatchContext, batchLedger } from '../../batch/batch-context.js';
import { cancelledSentence } from '../../batch/continue-batch.js';
import { countReopened, type Survey } from '../../batch/reopen.js';
import {
  folderToRetry,
  isChosen,
  markOf,
  priceLines,
  type RetryChoice,
  retryBatch,
} from '../../batch/retry.js';
import {
  cancelBatch,
  pauseBatch,
  resumeBatch,
  type SteeredBatch,
  setPriority,
} from '../../batch/steer.js';
import { AccountLedger } from '../../ledger/account-ledger.js';
import { type BatchMeta, isPaused, leftOf, priorities } from '../../ledger/batch-meta.js';
import type { Doer } from '../../ledger/deeds.js';
import type { OutputPlaces } from '../../results/output-places.js';
import { modelFacts } from '../../rivya/catalogue.js';
import type { Model } from '../../rivya/outcome.js';
import type { Clock } from '../../shared/clock.js';
import { BatchError } from '../../shared/errors.js';
import { html } from '../../shared/html.js';
import type { ManifestLine } from '../../shared/manifest-line.js';
import { counted, formatCredits } from '../../shared/quantities.js';
import { isSimulated } from '../../shared/simulated.js';
import { batchLink, briefLink } from '../pages/layout.js';
import { retryCommands } from '../pages/steering-parts.js';
import type { Acted, Asked, NotNow, Question } from './question.js';

/** What the monitor acts with. */
export interface Hands {
  redis: Redis;
  prefix: string;
  clock: Clock;
  places: OutputPlaces;
  modelsOf(origin: string): Promise<Model[]>;
  /** A command of ours, as it is typed for the Redis that this monitor looks at. */
  commandLine(words: readonly string[]): string;
  by: Doer;
}

const longestText = 2_000;
const name = z.string().max(longestText);
const batch = name;

/** What is wanted of a batch, as an address or a form says it. */
export const batchWishSchema = z.discriminatedUnion('deed', [
  z.object({ deed: z.literal('pause'), batch }),
  z.object({ deed: z.literal('resume'), batch }),
  z.object({ deed: z.literal('cancel'), batch }),
  z.object({
    deed: z.literal('priority'),
    batch,
    priority: z.coerce.number().int().min(priorities.least).max(priorities.most).optional(),
  }),
  z.object({
    deed: z.literal('retry'),
    batch,
    /** Either all lines with this error code, or one brief. */
    code: name.optional(),
    id: name.optional(),
    /** What the person has seen, and agrees to: see `markOf`. */
    mark: z.string().max(64).optional(),
    briefs: z.coerce.number().int().nonnegative().optional(),
    credits: z.coerce.number().nonnegative().optional(),
  }),
]);

export type BatchWish = z.infer<typeof batchWishSchema>;
type RetryOf = Extract<BatchWish, { deed: 'retry' }>;

/** One after the other: a second click finds what the first has done, and a manifest of a million lines is read for each. */
const retries = pLimit(1);

/** Says what a wish means and costs, without changing anything. */
export async function askOfBatch(hands: Hands, meta: BatchMeta, wish: BatchWish): Promise<Asked> {
  switch (wish.deed) {
    case 'pause':
      return whyNotSteered(meta, 'pause') ?? pauseQuestion(meta);
    case 'resume':
      return whyNotSteered(meta, 'resume') ?? resumeQuestion(meta);
    case 'cancel':
      return whyNotSteered(meta, 'cancel') ?? cancelQuestion(hands, meta);
    case 'priority':
      return whyNotSteered(meta, 'prioritize') ?? priorityQuestion(meta);
    case 'retry':
      return askRetry(hands, meta, wish);
    default:
      return wish satisfies never;
  }
}

/** Does what was agreed to; twice does it once. */
export async function doToBatch(hands: Hands, meta: BatchMeta, wish: BatchWish): Promise<Acted> {
  const done = { kind: 'done', to: batchLink(meta.name) } as const;
  const context = await contextOf(hands, meta);
  const steered: SteeredBatch = { ledger: batchLedger(context, meta.name), by: hands.by };
  switch (wish.deed) {
    case 'pause': {
      const became = await pauseBatch(context, steered, meta);
      return became === 'finished' || became === 'cancelled' ? isOverNow(meta, 'pause') : done;
    }
    case 'resume':
      await resumeBatch(context, steered);
      return done;
    case 'cancel':
      return (await cancelBatch(context, steered, 'collect')) === 'was_finished'
        ? isOverNow(meta, 'cancel')
        : done;
    case 'priority':
      if (wish.priority === undefined) return priorityQuestion(meta);
      await setPriority(steered, wish.priority);
      return done;
    case 'retry':
      return retry({ hands, context, steered, meta }, wish);
    default:
      return wish satisfies never;
  }
}

async function contextOf(hands: Hands, { account, origin }: BatchMeta): Promise<BatchContext> {
  const { redis, prefix, clock, places } = hands;
  const facts = modelFacts(await hands.modelsOf(origin));
  const ledger = new AccountLedger(redis, prefix, account);
  return { redis, prefix, origin, account: ledger, clock, places, ...facts };
}

function pauseQuestion(meta: BatchMeta): Question {
  return question(meta, 'pause', 'Pause', [
    'Nothing more of it is submitted until it is resumed. What was submitted is watched, collected and charged.',
    'To pause and to resume cost nothing.',
  ]);
}

function resumeQuestion(meta: BatchMeta): Question {
  return question(meta, 'resume', 'Resume', [
    `${counted(leftOf(meta), 'brief')} without a result: those that were not submitted yet are submitted and paid from now on.`,
    spentWords(meta),
  ]);
}

function spentWords({ spent, reserved, maxCredits }: BatchMeta): string {
  const held = reserved > 0 ? `, and ${formatCredits(reserved)} are reserved` : '';
  const cap =
    maxCredits === null
      ? 'It has no cap.'
      : `Its cap lets it spend ${formatCredits(Math.max(0, maxCredits - spent - reserved))} more.`;
  return `${formatCredits(spent)} were spent so far${held}. ${cap}`;
}

function cancelQuestion({ commandLine }: Hands, meta: BatchMeta): Question {
  const { name, reserved } = meta;
  const held = reserved > 0 ? ` (${formatCredits(reserved)} are reserved for it)` : '';
  return question(meta, 'cancel', 'Cancel the batch', [
    `${counted(leftOf(meta), 'brief')} without a result. Those that were not submitted yet will not be: each gets a line "cancelled", and costs nothing.`,
    `What was submitted is watched, collected and charged all the same${held}.`,
    html`To take it back later: <code>${commandLine(['retry', name, '--status', 'cancelled'])}</code>. To give up what was submitted as well, and lose what it cost: <code>${commandLine(['cancel', name, '--abandon'])}</code>`,
  ]);
}

function priorityQuestion(meta: BatchMeta): Question {
  const { least, most } = priorities;
  return {
    ...question(meta, 'priority', 'Set the priority', [
      'Among the open batches of an account, the one with the higher priority goes first; what was submitted is not touched. It costs nothing.',
    ]),
    title: `Which priority for ${meta.name}?`,
    input: {
      name: 'priority',
      label: `Priority, from ${least} to ${most}`,
      value: meta.priority,
      least,
      most,
    },
  };
}

function question(
  { name }: BatchMeta,
  deed: BatchWish['deed'],
  verb: string,
  says: Question['says'],
): Question {
  const title = deed === 'cancel' ? `Cancel ${name}?` : `${verb} ${name}?`;
  return {
    ...{ kind: 'question', title, because: null, says, verb, input: null },
    fields: { deed, batch: name },
    back: batchLink(name),
  };
}

/** Null where there is something to steer. */
function whyNotSteered(
  meta: BatchMeta,
  to: 'pause' | 'resume' | 'cancel' | 'prioritize',
): NotNow | null {
  const { name, stage } = meta;
  if (stage === 'finished' || stage === 'cancelled') return isOverNow(meta, to);
  return to === 'resume' && !isPaused(meta) ? notNow(name, `Batch ${name} is not paused.`) : null;
}

function isOverNow({ name, stage }: BatchMeta, to: string): NotNow {
  return notNow(
    name,
    stage === 'cancelled'
      ? cancelledSentence(name)
      : `Batch ${name} is finished: there is nothing to ${to}.`,
  );
}

function notNow(name: string, why: string): NotNow {
  return { kind: 'not_now', title: name, why, commands: [], back: batchLink(name) };
}

interface Retrying {
  hands: Hands;
  context: BatchContext;
  steered: SteeredBatch;
  meta: BatchMeta;
}

async function askRetry(hands: Hands, meta: BatchMeta, wish: RetryOf): Promise<Asked> {
  const context = await contextOf(hands, meta);
  const steered: SteeredBatch = { ledger: batchLedger(context, meta.name), by: hands.by };
  const retrying = { hands, context, steered, meta };
  const surveyed = await survey(retrying, wish, async () => false);
  if (surveyed.kind === 'not_now') return surveyed;
  return retryQuestion(retrying, wish, surveyed.kind === 'opened' ? nothing : surveyed.survey);
}

/**
 * Opens what a person has agreed to, at the price that was shown. Posted once more, by a second click or a page that is
 * loaded again, it finds other attempts than were agreed to, and opens none (S1): then it is done already.
 */
async function retry(retrying: Retrying, wish: RetryOf): Promise<Acted> {
  const retried = await survey(retrying, wish, async (found) => {
    const { total, credits } = countReopened(found);
    return markOf(found) === wish.mark && total === wish.briefs && credits === wish.credits;
  });
  switch (retried.kind) {
    case 'not_now':
      return retried;
    case 'opened':
      return { kind: 'done', to: pageOf(wish) };
    case 'changed': {
      if (await wasDone(retrying, wish)) return { kind: 'done', to: pageOf(wish) };
      const asked = retryQuestion(retrying, wish, retried.survey);
      const was = `${counted(wish.briefs ?? 0, 'brief')} for about ${formatCredits(wish.credits ?? 0)}`;
      const because = `Nothing was retried: what you were asked about (${was}) has changed.`;
      if (asked.kind === 'question') return { ...asked, because };
      return { ...asked, why: `${because} ${asked.why}` };
    }
    default:
      return retried satisfies never;
  }
}

/** From which it is asked for. */
function pageOf({ batch, id }: RetryOf): string {
  return id === undefined ? batchLink(batch) : briefLink(batch, id);
}

async function wasDone({ steered }: Retrying, { mark }: RetryOf): Promise<boolean> {
  const deeds = await steered.ledger.deeds.latest();
  return deeds.some(({ deed }) => deed.kind === 'retried' && deed.mark === mark);
}

type Surveyed = NotNow | { kind: 'opened' } | { kind: 'changed'; survey: Survey };

async function survey(
  { hands, context, steered, meta }: Retrying,
  wish: RetryOf,
  agree: (survey: Survey) => Promise<boolean>,
): Promise<Surveyed> {
  const choice = choiceOf(wish);
  const out = await folderToRetry(steered.ledger, meta, hands.places).catch((error: unknown) => {
    if (error instanceof BatchError) return error;
    throw error;
  });
  if (out instanceof BatchError) {
    return {
      kind: 'not_now',
      title: `Retry ${titleOf(meta, wish)}`,
      why: out.message,
      commands: retryCommands(wish, hands.commandLine),
      back: batchLink(meta.name),
    };
  }
  const wants = (line: ManifestLine) => isChosen(choice, line);
  const codes = choice.codes ?? [];
  const retried = await retries(() => retryBatch(context, steered, { out, wants, codes }, agree));
  if (retried.kind === 'nothing') return { kind: 'changed', survey: nothing };
  if (retried.kind === 'not_agreed') return { kind: 'changed', survey: retried.survey };
  return retried.opened > 0 ? { kind: 'opened' } : { kind: 'changed', survey: nothing };
}

const nothing: Survey = { groups: [], selected: new Map() };

function choiceOf({ code, id }: RetryOf): RetryChoice {
  return {
    codes: code === undefined ? undefined : [code],
    ids: id === undefined ? undefined : new Set([id]),
  };
}

function titleOf({ name }: BatchMeta, { code, id }: RetryOf): string {
  if (id !== undefined) return `${id} of ${name}`;
  return code === undefined ? name : `${code} of ${name}`;
}

function retryQuestion({ meta }: Retrying, wish: RetryOf, found: Survey): Asked {
  const { name } = meta;
  const back = pageOf(wish);
  const { total, credits } = countReopened(found);
  if (total === 0) {
    const why =
      'There is nothing to retry: what did not succeed is being made again, or has changed.';
    return { kind: 'not_now', title: `Retry ${titleOf(meta, wish)}`, why, commands: [], back };
  }
  const { code, id } = wish;
  return {
    ...{
      kind: 'question',
      title: `Retry ${titleOf(meta, wish)}?`,
      because: null,
      back,
      input: null,
    },
    says: [
      ...priceLines(found).map((line) => line.trim()),
      ...(isSimulated(meta) ? ['It is simulated: nothing is paid.'] : []),
    ],
    verb: `Retry ${counted(total, 'brief')}`,
    fields: {
      ...{ deed: 'retry', batch: name, mark: markOf(found) },
      ...(code === undefined ? {} : { code }),
      ...(id === undefined ? {} : { id }),
      ...{ briefs: String(total), credits: String(credits) },
    },
  };
}
