import type { ManifestLine } from '../shared/manifest-line.js';
import { Decisions, decisionsPath, walkDecisions } from './decisions.js';

/** What people want made again of a folder's results: the last decision about a brief, an attempt and a file counts. */
export class Again {
  private readonly decisions = new Decisions();
  /** By attempt and brief: changed prompts are typed by people, so there are not too many of them. */
  private readonly words = new Map<string, string>();

  /** What has been decided up to now; rows that cannot be read are passed over. */
  static async read(out: string): Promise<Again> {
    const again = new Again();
    for await (const found of walkDecisions(decisionsPath(out))) {
      if (found.kind !== 'decision') continue;
      const { brief_id: id, attempt, decision, prompt } = found.decision;
      again.decisions.add(found.decision);
      const key = `${attempt} ${id}`;
      if (decision === 'again' && prompt !== null) again.words.set(key, prompt);
      else again.words.delete(key);
    }
    return again;
  }

  isWanted(line: ManifestLine): boolean {
    return this.decisions.of(line) === 'again';
  }

  /** A changed prompt; null where it is made with the one that it had. */
  wordsFor(line: ManifestLine): string | null {
    if (!this.isWanted(line)) return null;
    const words = this.words.get(`${line.attempt} ${line.brief_id}`) ?? null;
    return words === line.prompt ? null : words;
  }
}
