import { readFileSync } from 'node:fs';

/** Each may be given as a file that holds it, which `<NAME>_FILE` names: as Docker and systemd hand out secrets. */
const secretNames = ['RIVYA_API_KEY', 'REDIS_URL', 'MONITOR_PASSWORD'] as const;

export interface SecretFiles {
  /** What the files hold, by the plain variable's name. */
  values: Record<string, string>;
  /** Without any value, and without a path: somebody may have put the secret itself there (S8). */
  faults: string[];
}

/** Reads the secrets of which `environment` names a file. */
export function readSecretFiles(environment: NodeJS.Dict<string>): SecretFiles {
  const values: SecretFiles['values'] = {};
  const faults: string[] = [];
  for (const name of secretNames) {
    const path = environment[`${name}_FILE`];
    if (path === undefined) continue;
    if (environment[name] !== undefined) {
      faults.push(`${name} and ${name}_FILE are both set: leave one of them out`);
      continue;
    }
    const read = readSecret(path);
    if (read.kind === 'held') values[name] = read.value;
    else faults.push(`${name}_FILE names a file that ${read.fault}`);
  }
  return { values, faults };
}

function readSecret(
  path: string,
): { kind: 'held'; value: string } | { kind: 'bad'; fault: string } {
  try {
    // Editors and `echo` end a file with a newline, which belongs to no secret.
    const value = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    return value === '' ? { kind: 'bad', fault: 'is empty' } : { kind: 'held', value };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { kind: 'bad', fault: `cannot be read (${code})` };
  }
}
