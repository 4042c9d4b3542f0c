import type { Redis } from 'ioredis';

/** What a Redis says of itself (INFO), by name; empty where the account may not ask, as on many managed services. */
export async function readRedisFacts(
  client: Redis,
  section?: 'memory',
): Promise<Map<string, string>> {
  const text = await answerOf(section === undefined ? client.info() : client.info(section));
  const facts = new Map<string, string>();
  for (const line of (text ?? '').split(/\r?\n/)) {
    const at = line.indexOf(':');
    if (at > 0) facts.set(line.slice(0, at), line.slice(at + 1));
  }
  return facts;
}

/** Null where the question is forbidden or unknown there; a lost connection shows in the next step. */
export async function answerOf<T>(question: Promise<T>): Promise<T | null> {
  try {
    return await question;
  } catch {
    return null;
  }
}
