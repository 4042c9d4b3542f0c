import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../shared/clock.js';
import { IdempotencyStore, RequestLog, Wallet } from './account.js';
import type { Answer } from './answer.js';
import { buildCatalogue, type ListedModel } from './catalogue.js';
import { FaultRules } from './faults/fault-rules.js';
import { RandomStream } from './random-stream.js';
import { RateGate } from './rate-gate.js';
import { applySettings, type Settings, type SettingsPatch } from './settings.js';
import { KeptTasks, TaskBook } from './task-book.js';
import type { UploadedFile } from './upload.js';
import { WebhookBook } from './webhook-book.js';

/** What happened on one account since the start or the last reset. */
interface History {
  wallet: Wallet;
  tasks: TaskBook;
  idempotency: IdempotencyStore;
  uploads: Map<string, UploadedFile>;
  webhooks: WebhookBook;
  requests: RequestLog;
  replays: number;
  /** Requests for files that carried an Authorization header: a client that leaks its key. */
  authorizationViolations: { at: number; path: string }[];
  durations: RandomStream;
  /** Makes ids of this run unlike those of another, so that a stale client is told `not_found`. */
  run: string;
  lastNumber: number;
  /** Signs links to results. */
  linkSecret: string;
}

/** All that one simulator remembers, in memory: its settings and one account's history. */
export class SimulatedApi {
  settings: Settings;
  catalogue: Map<string, ListedModel>;
  faults: FaultRules;
  rates: RateGate;
  history: History;
  readonly #kept: KeptTasks | null;

  /** @param keptIn file of what is accepted, for simulators after this one and beside it; null keeps nothing */
  constructor(
    readonly clock: Clock,
    settings: SettingsPatch,
    private readonly keptIn: string | null = null,
  ) {
    this.#kept = keptIn === null ? null : new KeptTasks(keptIn);
    this.settings = applySettings({}, settings);
    this.catalogue = buildCatalogue(this.settings.models);
    this.faults = new FaultRules(this.settings.faults, this.settings.seed);
    this.rates = new RateGate(this.settings);
    this.history = startHistory(this.settings, keptIn);
  }

  /** Takes over what simulators with the same file have accepted meanwhile. */
  takeNews(): void {
    for (const { task, key, text, answer } of this.#kept?.news() ?? []) {
      if (this.history.tasks.find(task.id) !== undefined) continue;
      this.history.tasks.add(task);
      this.history.idempotency.keep(key, text, { answer, storedAt: task.createdAt });
    }
  }

  /** Enters an accepted submission for whoever asks under its key again. */
  keep(key: string, text: string, answer: Answer): void {
    this.history.idempotency.keep(key, text, { answer, storedAt: this.clock.now() });
    const body = answer.kind === 'json' ? (answer.body as { id?: unknown }) : {};
    const task = typeof body.id === 'string' ? this.history.tasks.find(body.id) : undefined;
    if (task !== undefined) this.#kept?.add({ task, key, text, answer });
  }

  /** Changes the named settings. Giving `faults` or `seed` starts the rules' counts anew, a rate its windows. */
  control(patch: SettingsPatch): void {
    const settings = applySettings(this.settings, patch);
    // Before anything is changed: a patch that cannot be changes nothing.
    if ('models' in patch) this.catalogue = buildCatalogue(settings.models);
    this.settings = settings;
    if ('credits' in patch) this.history.wallet.set(this.settings.credits);
    if ('seed' in patch) this.history.durations = durationStream(this.settings);
    if ('faults' in patch || 'seed' in patch) {
      this.faults = new FaultRules(this.settings.faults, this.settings.seed);
    }
    if ('rate' in patch || 'submitRate' in patch || 'readRate' in patch) {
      this.rates = new RateGate(this.settings);
    }
  }

  /** Forgets everything but the settings. */
  reset(): void {
    this.faults = new FaultRules(this.settings.faults, this.settings.seed);
    this.rates = new RateGate(this.settings);
    this.history.webhooks.close();
    this.history = startHistory(this.settings, this.keptIn);
  }

  /** `task_...`, `req_...`, `file_...`: unique over runs. */
  nextId(prefix: string): string {
    this.history.lastNumber += 1;
    return `${prefix}_${this.history.run}${this.history.lastNumber.toString(36).padStart(6, '0')}`;
  }
}

function startHistory(settings: Settings, keptIn: string | null): History {
  const wallet = new Wallet(settings.credits);
  const run = randomBytes(4).toString('hex');
  return {
    wallet,
    tasks: new TaskBook(wallet),
    idempotency: new IdempotencyStore(),
    uploads: new Map(),
    webhooks: new WebhookBook(settings.seed),
    requests: new RequestLog(),
    replays: 0,
    authorizationViolations: [],
    durations: durationStream(settings),
    run,
    lastNumber: 0,
    // Links of one simulator are good at the next one with the same file.
    linkSecret: keptIn === null ? run : createHash('sha256').update(keptIn).digest('hex'),
  };
}

function durationStream(settings: Settings): RandomStream {
  return new RandomStream(settings.seed, 'durations');
}
