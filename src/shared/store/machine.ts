import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';

/**
 * What the private Redis needs to know of the machine it runs on. None of it is configuration of ours
 * (that is parsed once, elsewhere); it is passed in so that tests can describe other machines.
 */
export interface Machine {
  platform: NodeJS.Platform;
  /** PATH as the shell gave it; empty when there is none. */
  searchPath: string;
  /** XDG_RUNTIME_DIR, where a login session has one. */
  runtimeFolder: string | null;
  temporaryFolder: string;
  /** Null where the system has no such number (Windows). */
  userId: number | null;
  /** `ID` and `ID_LIKE` of /etc/os-release, nearest first; empty on other systems. */
  distributions: string[];
}

/** Reads the machine that this process runs on. */
export function thisMachine(): Machine {
  return {
    platform: process.platform,
    searchPath: process.env.PATH ?? '',
    runtimeFolder: process.env.XDG_RUNTIME_DIR || null,
    temporaryFolder: tmpdir(),
    userId: process.getuid?.() ?? null,
    distributions: parseDistributions(readOsRelease()),
  };
}

/** The names in an os-release text: `ID` first, then those of `ID_LIKE`. */
export function parseDistributions(osRelease: string): string[] {
  const valueFor = (key: string) =>
    new RegExp(`^${key}=["']?([^"'\n]*)`, 'm').exec(osRelease)?.[1]?.toLowerCase() ?? '';
  return `${valueFor('ID')} ${valueFor('ID_LIKE')}`.split(' ').filter((name) => name !== '');
}

function readOsRelease(): string {
  try {
    return readFileSync('/etc/os-release', 'utf8');
  } catch {
    // Only Linux has the file; without it the advice is the general one.
    return '';
  }
}
