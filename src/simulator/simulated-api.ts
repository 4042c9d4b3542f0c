import { randomBytes } from 'node:crypto';
import type { Clock } from '../shared/clock.js';
import { buildCatalogue, type ListedModel } from './catalogue.js';
import { FaultRules } from './faults/fault-rules.js';
import { IdempotencyStore } from './idempotency-store.js';
import { RandomStream } from './random-stream.js';
import { RateGate } from './rate-gate.js';
import { RequestLog } from './request-log.js';
import { applySettings, type Settings, type SettingsPatch } from './settings.js';
import { TaskBook } from './task-book.js';
import type { UploadedFile } from './upload.js';
import { Wallet } from './wallet.js';

/** What happened on one account since the start or the last reset. */
interface History {
  wallet: Wallet;
  tasks: TaskBook;
  idempotency: IdempotencyStore;
  uploads: Map<string, UploadedFile>;
  requests: RequestLog;
  replays: number;
  /** Requests for files that carried an Authorization header: a client that leaks its key. */
  authorizationViolations: { at: number; path: string }[];
  durations: RandomStream;
  /** Makes ids of this run unlike those of another, so that a stale client is told `not_found`. */
  run: string;
  lastNumber: number;
}

/** All that one simulator remembers, in memory: its settings and one account's history. */
export class SimulatedApi {
  settings: Settings;
  catalogue: Map<string, ListedModel>;
  faults: FaultRules;
  rates: RateGate;
  history: History;

  constructor(
    readonly clock: Clock,
    settings: SettingsPatch,
  ) {
    this.settings = applySettings({}, settings);
    this.catalogue = buildCatalogue(this.settings.models);
    this.faults = new FaultRules(this.settings.faults, this.settings.seed);
    this.rates = new RateGate(this.settings);
    this.history = startHistory(this.settings);
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
    this.history = startHistory(this.settings);
  }

  /** `task_...`, `req_...`, `file_...`: unique over runs. */
  nextId(prefix: string): string {
    this.history.lastNumber += 1;
    return `${prefix}_${this.history.run}${this.history.lastNumber.toString(36).padStart(6, '0')}`;
  }
}

function startHistory(settings: Settings): History {
  const wallet = new Wallet(settings.credits);
  return {
    wallet,
    tasks: new TaskBook(wallet),
    idempotency: new IdempotencyStore(),
    uploads: new Map(),
    requests: new RequestLog(),
    replays: 0,
    authorizationViolations: [],
    durations: durationStream(settings),
    run: randomBytes(4).toString('hex'),
    lastNumber: 0,
  };
}

function durationStream(settings: Settings): RandomStream {
  return new RandomStream(settings.seed, 'durations');
}
