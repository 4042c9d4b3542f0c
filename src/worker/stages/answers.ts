import type { Logger } from 'pino';
import type { AccountRecords } from '../../ledger/account-ledger.js';
import type { BatchLedger } from '../../ledger/batch-ledger.js';
import type { CountedRefusal } from '../../ledger/refusals.js';
import type { RivyaClient } from '../../rivya/client.js';
import type { Downloader } from '../../rivya/download.js';
import type {
  ChatOutcome,
  DownloadOutcome,
  ReadCreditsOutcome,
  ReadTaskOutcome,
  Refusal,
  SubmitOutcome,
  UploadOutcome,
} from '../../rivya/outcome.js';
import type { Endpoint } from './refusal.js';

/**
 * What the API answered, with every id by which somebody may look for it; of a file without its URL, whose query may be
 * a token (S8).
 */
export function logAnswer(
  log: Logger,
  asked: { endpoint: Endpoint; brief: string } & Record<string, unknown>,
  outcome: SubmitOutcome | ChatOutcome | ReadTaskOutcome | UploadOutcome,
): void {
  const { kind } = outcome;
  switch (kind) {
    case 'accepted':
    case 'read': {
      const { id: task, status } = outcome.task;
      log.debug({ ...asked, task, status: status.kind }, kind);
      return;
    }
    case 'answered':
      log.debug({ ...asked, task: outcome.turn.id }, kind);
      return;
    case 'uploaded':
      log.debug({ ...asked, file: outcome.file.id }, kind);
      return;
    case 'refused': {
      const { code, httpStatus, requestId: request } = outcome.refusal;
      log.debug({ ...asked, code, httpStatus, request }, kind);
      return;
    }
    case 'unknown': {
      const { reason, httpStatus, requestId: request } = outcome;
      log.debug({ ...asked, reason, httpStatus, request }, kind);
      return;
    }
    case 'unreachable':
      log.debug({ ...asked, reason: outcome.reason }, kind);
      return;
    default:
      outcome satisfies never;
  }
}

type ApiOutcome = SubmitOutcome | ChatOutcome | ReadTaskOutcome | ReadCreditsOutcome;
type Counted = 'submit' | 'status' | 'credits' | 'download';

/** A round trip for each answer would cost more than the answer; so much of them is lost with a process. */
const tellEveryMs = 1_000;

/** Counts what the API and the hosts of its results answered to this process, and tells the account now and then. */
export class AnswerTally {
  private readonly counts = new Map<
    string,
    { endpoint: Counted; outcome: string; count: number }
  >();
  private telling: Promise<void> | null = null;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly records: AccountRecords,
    private readonly log: Logger,
  ) {}

  start(): void {
    this.timer = setInterval(() => void this.tell(), tellEveryMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.telling;
    // The last ones are told too.
    await this.tell();
  }

  /** The same client, whose answers are counted; the list of models is asked for by no worker. */
  ofClient(client: RivyaClient): RivyaClient {
    return {
      ...client,
      submit: async (...asked) => this.note('submit', await client.submit(...asked)),
      completeChat: async (...asked) => this.note('submit', await client.completeChat(...asked)),
      readTask: async (...asked) => this.note('status', await client.readTask(...asked)),
      readCredits: async (...asked) => this.note('credits', await client.readCredits(...asked)),
    };
  }

  /** Likewise; each file is one answer, however often it was redirected. */
  ofDownloader(downloader: Downloader): Downloader {
    return {
      ...downloader,
      download: async (...asked) => this.note('download', await downloader.download(...asked)),
    };
  }

  private note<Outcome extends ApiOutcome | DownloadOutcome>(
    endpoint: Counted,
    answer: Outcome,
  ): Outcome {
    const outcome = outcomeWord(answer);
    const name = `${endpoint} ${outcome}`;
    const count = (this.counts.get(name)?.count ?? 0) + 1;
    this.counts.set(name, { endpoint, outcome, count });
    return answer;
  }

  /** One after the other: while Redis is away, the counts pile up here and not in its line. */
  private tell(): Promise<void> {
    this.telling ??= this.send().finally(() => {
      this.telling = null;
    });
    return this.telling;
  }

  private async send(): Promise<void> {
    const counts = [...this.counts.values()];
    this.counts.clear();
    try {
      await this.records.addAnswers(counts);
    } catch (error) {
      this.log.debug({ err: error }, 'answers were not counted');
    }
  }
}

/** The same client for one batch, in whose report those answers are counted that refuse a request. */
export function countRefusals(client: RivyaClient, ledger: BatchLedger): RivyaClient {
  async function count<Outcome extends ApiOutcome | UploadOutcome>(
    answer: Outcome,
  ): Promise<Outcome> {
    // What the answer means is worth more than its count.
    if (answer.kind === 'refused') {
      await ledger.countRefusal(countedAs(answer.refusal)).catch(() => undefined);
    }
    return answer;
  }
  return {
    ...client,
    submit: async (...asked) => count(await client.submit(...asked)),
    completeChat: async (...asked) => count(await client.completeChat(...asked)),
    readTask: async (...asked) => count(await client.readTask(...asked)),
    uploadFile: async (...asked) => count(await client.uploadFile(...asked)),
  };
}

function countedAs({ kind }: Refusal): CountedRefusal {
  if (kind === 'rate_limited') return 'rate';
  return kind === 'too_many_running' ? 'places' : 'other';
}

/** `ok`, or why not: of a refusal, its kind. */
export function outcomeWord(outcome: ApiOutcome | DownloadOutcome): string {
  switch (outcome.kind) {
    case 'accepted':
    case 'answered':
    case 'read':
    case 'saved':
      return 'ok';
    case 'refused':
      return outcome.refusal.kind;
    case 'unknown':
    case 'unreachable':
    case 'gone':
    case 'url_refused':
    case 'too_large':
    case 'unavailable':
      return outcome.kind;
    default:
      return outcome satisfies never;
  }
}
