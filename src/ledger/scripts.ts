import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';

const folder = new URL('./lua/', import.meta.url);

/** Each script is a file of `lua/`; its header says what goes in and what comes back. */
export type ScriptName =
  | 'accept'
  | 'add-answers'
  | 'admit'
  | 'adopt'
  | 'adopt-sends'
  | 'answered'
  | 'api-down'
  | 'begin-submit'
  | 'cancel'
  | 'claim-name'
  | 'claim-run'
  | 'claim-wallet-look'
  | 'end-adoption'
  | 'find-missing'
  | 'finish'
  | 'forget'
  | 'heartbeat'
  | 'hold-manifest'
  | 'keep-place'
  | 'mark-written'
  | 'move'
  | 'note-duration'
  | 'note-wallet'
  | 'open-admission'
  | 'open-batch'
  | 'park'
  | 'read-outbox'
  | 'reopen'
  | 'repair-in-flight'
  | 'save-addresses'
  | 'save-run'
  | 'settle-reopened'
  | 'take-turn'
  | 'too-many-running';

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
