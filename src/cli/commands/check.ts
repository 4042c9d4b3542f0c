import type { Command } from 'commander';
import { FolderComparison } from '../../batch/compare.js';
import { makePlan, type Plan } from '../../forecast/plan.js';
import type { CompiledInput } from '../../producer/compile-input.js';
import { groupRejections, rejectedFiles, writeRejected } from '../../producer/rejected-file.js';
import { createRivyaClient } from '../../rivya/client.js';
import { judgeKey, type KeyVerdict } from '../../rivya/judge-answer.js';
import type { Settings } from '../../session/environment.js';
import { type ModelList, tellModelList } from '../../session/model-list.js';
import { userAgent } from '../../session/store-session.js';
import { BatchError, ExitCode } from '../../shared/errors.js';
import { compileFromFlags, reportRejections } from '../options/compile.js';
import {
  addInputFlags,
  addJsonFlag,
  addOutFlag,
  addPaceFlags,
  addRejectedFlag,
  type InputFlags,
  inputArgument,
  type PaceFlags,
} from '../options/flags.js';
import { inputOf } from '../options/recipe-here.js';
import type { CommandSetup } from '../setup.js';
import { planLines } from '../text/print-plan.js';
import { planJson } from '../text/sentences.js';

interface CheckFlags extends InputFlags, PaceFlags {
  json: boolean;
  out?: string;
  rejected?: string;
}

export function addCheckCommand(program: Command, setup: CommandSetup): void {
  const command = program.command('check').argument('[file...]', inputArgument);
  addOutFlag(command, 'compare with the results in this folder');
  addInputFlags(command);
  addPaceFlags(command);
  addRejectedFlag(command);
  addJsonFlag(command);
  command.action((files: string[]) =>
    setup.run(async () => {
      const input = await inputOf(command, files);
      return check(setup, input.files, command.opts());
    }),
  );
}

interface WalletLook {
  /** Null where it is not known. */
  wallet: number | null;
  key: KeyVerdict | { kind: 'none' };
}

/** A look at the balance: none without a key, and none that holds the check up. */
async function lookAtWallet({ origin, apiKey, proxy }: Settings): Promise<WalletLook> {
  if (apiKey === null) return { wallet: null, key: { kind: 'none' } };
  const client = createRivyaClient({ origin, apiKey, proxy, userAgent, requestTimeoutMs: 5_000 });
  try {
    const outcome = await client.readCredits();
    const wallet = outcome.kind === 'read' ? outcome.currentCredits : null;
    return { wallet, key: judgeKey(outcome) };
  } finally {
    await client.close();
  }
}

/** A run would end with this before its first task. */
function refusedKey({ key }: WalletLook): BatchError | null {
  if (key.kind !== 'refused') return null;
  const { code, message } = key.refusal;
  const text = `The API refuses the key (${code}): ${message} Correct RIVYA_API_KEY before a run; nothing was sent or spent.`;
  return new BatchError('key_refused', text);
}

async function check(
  { terminal, settings }: CommandSetup,
  files: string[],
  flags: CheckFlags,
): Promise<ExitCode> {
  const list = await tellModelList(settings, terminal);
  const input = await compileFromFlags(files, flags, { settings, list });
  try {
    const look = await lookAtWallet(settings);
    const refused = refusedKey(look);
    const compared = flags.out ? await FolderComparison.with(flags.out) : null;
    const plan = await makePlan(input, {
      models: list.models,
      wallet: look.wallet,
      // What was learned is in Redis, and a check starts none.
      learnedPrices: new Map(),
      pace: {
        told: { rate: flags.rate ?? null, inFlight: flags.inFlight ?? null },
        learned: { rate: null, inFlight: null },
        taskMs: null,
      },
      ...(compared && {
        comparison: compared.comparison,
        left: (briefs) => compared.toBeMade(briefs),
      }),
    });
    if (flags.json) {
      if (flags.rejected) {
        await writeRejected(rejectedFiles(flags.rejected), input.rejections());
      }
      terminal.json(await checkJson(plan, { input, list, look }));
      if (input.counts.rejected > 0 && !flags.skipInvalid) return ExitCode.badInput;
      if (refused !== null) throw refused;
      return ExitCode.succeeded;
    }
    for (const line of planLines(plan, terminal.width)) terminal.print(line);
    const invalid = flags.skipInvalid ? 'skip' : 'refuse';
    await reportRejections(input, terminal, flags.rejected ?? null, invalid);
    if (refused !== null) throw refused;
    return ExitCode.succeeded;
  } finally {
    await input.dispose();
  }
}

async function checkJson(
  whole: Plan,
  { input, list, look: { key } }: { input: CompiledInput; list: ModelList; look: WalletLook },
): Promise<object> {
  const { counts, ...plan } = planJson(whole);
  const code = 'refusal' in key ? key.refusal.code : null;
  const groups = await groupRejections(input.rejections());
  const findings = groups.map(({ kind: rule, ...group }) => ({ rule, ...group }));
  return { ...counts, ...plan, key: { state: key.kind, code }, modelList: list.from, findings };
}
