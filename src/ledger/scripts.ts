import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';

const folder = new URL('./lua/', import.meta.url);

/** Each script is a file of `lua/`; its header says what goes in and what comes back. */
export type ScriptName =
  | 'admit'
  | 'adopt'
  | 'adopt-sends'
  | 'announce'
  | 'answered'
  | 'begin-submit'
  | 'cancel'
  | 'claim-name'
  | 'claim-run'
  | 'compare-and-set'
  | 'count'
  | 'count-refusal'
  | 'end-adoption'
  | 'follow'
  | 'forget'
  | 'heartbeat'
  | 'hold-manifest'
  | 'hold-submissions'
  | 'keep-folder'
  | 'mark-admission'
  | 'mark-written'
  | 'may-submit'
  | 'move'
  | 'note-deed'
  | 'note-durations'
  | 'note-history'
  | 'note-try'
  | 'note-wait'
  | 'open-admission'
  | 'open-batch'
  | 'read-outbox'
  | 'reopen'
  | 'repair-in-flight'
  | 'settle-reopened'
  | 'shelve'
  | 'take-message'
  | 'take-turn'
  | 'unshelve'
  | 'wallet';

type Reply = string | number | null | Reply[];
type Command = (keyCount: number, ...keysAndArguments: (string | number)[]) => Promise<Reply>;

const sources = new Map<ScriptName, string>();

function readScript(name: string): string {
  const text = readFileSync(new URL(`${name}.lua`, folder), 'utf8');
  return text.replace(/^--include (\S+)$/gm, (_line, included: string) => readScript(included));
}

/** The text of a script, with what it includes. */
export function scriptSource(name: ScriptName): string {
  let source = sources.get(name);
  if (source === undefined) {
    source = readScript(name);
    sources.set(name, source);
  }
  return source;
}

/**
 * Runs one of our scripts. ioredis sends the hash and, where Redis does not know it (a restart), the text.
 */
export function runScript(
  redis: Redis,
  name: ScriptName,
  call: { keys: string[]; values: (string | number)[] },
): Promise<Reply> {
  const commands = redis as unknown as Record<string, Command>;
  const command = `rivya:${name}`;
  if (!commands[command]) redis.defineCommand(command, { lua: scriptSource(name) });
  return (commands[command] as Command)(call.keys.length, ...call.keys, ...call.values);
}

/** Sets one field while another stands as it was read; else says what stands there instead. */
export async function compareAndSet(
  redis: Redis,
  call: { keys: [string, string]; values: [string, string, string, string] },
): Promise<[1] | [0, string]> {
  return (await runScript(redis, 'compare-and-set', call)) as [1] | [0, string];
}
