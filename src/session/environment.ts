import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { basename, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { z } from 'zod';
import { redactSecrets } from '../rivya/transport-failure.js';
import { BatchError } from '../shared/errors.js';
import { typedEachTime, variableOf } from './option-twins.js';

/** What every command may need; parsed once, whole, at start. */
export interface Settings {
  /** Null where none is given: only commands that talk to the API ask for it. */
  apiKey: string | null;
  /** What people call the key, wherever it is shown; null where they call it nothing. */
  keyLabel: string | null;
  /** `https://host[:port]`, without a path. */
  origin: string;
  /** Port on this machine where the simulator of this process stands for that origin; null: the origin is asked. */
  simulatorPort: number | null;
  /** Null: the private Redis. */
  redisUrl: string | null;
  /** Absolute folder of the private Redis. */
  home: string;
  /** In front of every key of ours in Redis. */
  prefix: string;
  proxy: { http: string | null; https: string | null; noProxy: string | null };
  /** Origin of a service of buckets other than Amazon's; null: Amazon's. Credentials are found by the AWS SDK alone. */
  s3Endpoint: string | null;
  /** How many briefs of a `run` may be without a line in Redis: the rest of its input is admitted as they get theirs. */
  highWater: number;
  /** What messages to webhooks are signed with; null where they are not. */
  notifySecret: string | null;
  /** What the API's events are posted to, for `worker --hooks-port`: a secret (S8). Null where none is given. */
  hooksPath: string | null;
  /** Who may look at the monitor; null without a password. */
  monitorLogin: { user: string; password: string } | null;
}

const originSchema = z
  .url({ protocol: /^https?$/, error: 'must be an origin such as https://rivya.ai' })
  .refine((text) => new URL(text).pathname.replace(/\/$/, '') === '', {
    error: 'must be an origin without a path, such as https://rivya.ai',
  })
  .transform((text) => new URL(text).origin);

/** No error shows what was given: some put the keys of the bucket there (S8). */
const endpointSchema = z
  .url({ protocol: /^https?$/, error: 'must be an address such as https://s3.example.com:9000' })
  .refine((text) => isBare(new URL(text)), {
    error:
      'must be an address without a login, a path or a query, such as https://s3.example.com:9000',
  })
  .transform((text) => new URL(text).origin);

function isBare(url: URL): boolean {
  return `${url.username}${url.password}${url.search}${url.hash}` === '' && url.pathname === '/';
}

const prefixSchema = z
  .string()
  .regex(/^[\w.-]{1,40}$/, 'may hold letters, digits, dot, dash and underscore');

/** @throws BatchError `usage` */
export function checkPrefix(text: string): string {
  const parsed = prefixSchema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new BatchError('usage', `--prefix ${parsed.error.issues[0]?.message}; at most 40.`);
}

/** Whoever guesses it can have a known task looked at early, and nothing else: short ones are no danger, and no good. */
const hooksPathSchema = z
  .string()
  .regex(
    /^\/?[\w-]{6,200}$/,
    'must be a word of 6 to 200 letters, digits, dashes and underscores that nobody can guess (openssl rand -hex 16 makes one)',
  )
  .transform((path) => path.replace(/^\//, ''));

/** @throws BatchError `usage`, without what was given: it may be half of a secret (S8) */
export function checkHooksPath(text: string): string {
  const parsed = hooksPathSchema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new BatchError('usage', `--hooks-path ${parsed.error.issues[0]?.message}.`);
}

const environmentSchema = z.object({
  RIVYA_API_KEY: z
    .string()
    .regex(/^rvya_sk_[\w-]+$/, 'must begin with rvya_sk_')
    .optional(),
  RIVYA_KEY_LABEL: z
    .string()
    .regex(/^\P{C}{1,64}$/u, 'may hold up to 64 printable characters')
    .refine((text) => redactSecrets(text) === text, 'is a name for the key, not the key')
    .optional(),
  RIVYA_BASE_URL: originSchema.default('https://rivya.ai'),
  REDIS_URL: z.string().optional(),
  RIVYA_BATCH_HOME: z.string().default('.rivya-batch'),
  RIVYA_BATCH_PREFIX: prefixSchema.default('rivya-batch'),
  RIVYA_BATCH_HIGH_WATER: z
    .string()
    .regex(/^[1-9]\d{0,8}$/, 'must be a whole number from 1 on')
    .default('30000'),
  RIVYA_BATCH_HOOKS_PATH: hooksPathSchema.optional(),
  S3_ENDPOINT: endpointSchema.optional(),
  HTTP_PROXY: z.string().optional(),
  HTTPS_PROXY: z.string().optional(),
  NO_PROXY: z.string().optional(),
  RIVYA_BATCH_NOTIFY_SECRET: z
    .string()
    .regex(/^whsec_(?:[A-Za-z0-9+/]{4}){6,}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, {
      error: 'must be whsec_ and at least 18 bytes in base64, as Standard Webhooks has it',
    })
    .optional(),
  MONITOR_USER: z
    .string()
    .regex(/^[^:\p{Cc}]+$/u, 'may not hold a colon or control characters')
    .default('monitor'),
  MONITOR_PASSWORD: z
    .string()
    .regex(/^\P{Cc}+$/u, 'may not hold control characters')
    .optional(),
});

/** How a person calls us: by the command that is on the path, or else as npx finds it. */
export function programName(): string {
  const { npm_command: npm } = process.env;
  const isOnPath = npm === undefined && basename(process.argv[1] ?? '') === 'rivya-batch';
  return isOnPath ? 'rivya-batch' : 'npx rivya-batch';
}

/** By which others on this machine know whoever runs this process. */
export function userOfMachine(): string {
  try {
    return userInfo().username;
  } catch {
    // In a container, the user may have no name.
    return `user ${process.getuid?.() ?? 'unknown'}`;
  }
}

/** What to tell of variables that are set and do nothing. */
export function uselessTwins(): string[] {
  return [...typedEachTime]
    .filter((option) => process.env[variableOf(option)] !== undefined)
    .map((option) => `${variableOf(option)} does nothing: type --${option} in the command itself.`);
}

/** Names of which some are switches, and none is free text that may say no and mean it. */
const switchTwin = /^(RIVYA_BATCH_|MONITOR_ALLOW_)/;

/**
 * Fills `process.env` from `.env` (what is set already wins, even when it is empty) and takes out empty values: empty means unset,
 * for our variables and for the options' environment twins alike. The only code that touches the environment.
 */
export function prepareEnvironment(): void {
  for (const [name, value] of Object.entries(readDotEnv())) process.env[name] ??= value;
  for (const name of Object.keys(process.env)) {
    const value = process.env[name] ?? '';
    // A switch's twin that says no is a switch that is not given.
    const off = switchTwin.test(name) && /^(false|no|off)$/i.test(value);
    if (value === '' || off) delete process.env[name];
  }
}

/** @throws BatchError `bad_configuration`, with every fault listed and no value shown (S8). */
export function readSettings(env: NodeJS.Dict<string> = process.env): Settings {
  const secrets = readSecretFiles(env);
  const parsed = environmentSchema.safeParse({
    ...env,
    ...secrets.values,
    HTTP_PROXY: env.HTTP_PROXY ?? env.http_proxy,
    HTTPS_PROXY: env.HTTPS_PROXY ?? env.https_proxy,
    NO_PROXY: env.NO_PROXY ?? env.no_proxy,
  });
  const faults = (parsed.error?.issues ?? []).map(({ path, message }) => {
    const name = path.join('.');
    return `${name in secrets.values ? `The content of ${name}_FILE` : name} ${message}.`;
  });
  if (!parsed.success || secrets.faults.length > 0) {
    throw new BatchError('bad_configuration', [...secrets.faults, ...faults].join('\n'));
  }
  const found = parsed.data;
  return {
    apiKey: found.RIVYA_API_KEY ?? null,
    keyLabel: found.RIVYA_KEY_LABEL ?? null,
    origin: found.RIVYA_BASE_URL,
    simulatorPort: null,
    redisUrl: found.REDIS_URL ?? null,
    home: resolve(found.RIVYA_BATCH_HOME),
    prefix: found.RIVYA_BATCH_PREFIX,
    s3Endpoint: found.S3_ENDPOINT ?? null,
    highWater: Number(found.RIVYA_BATCH_HIGH_WATER),
    hooksPath: found.RIVYA_BATCH_HOOKS_PATH ?? null,
    proxy: {
      http: found.HTTP_PROXY ?? null,
      https: found.HTTPS_PROXY ?? null,
      noProxy: found.NO_PROXY ?? null,
    },
    notifySecret: found.RIVYA_BATCH_NOTIFY_SECRET ?? null,
    monitorLogin:
      found.MONITOR_PASSWORD === undefined
        ? null
        : { user: found.MONITOR_USER, password: found.MONITOR_PASSWORD },
  };
}

/** @throws BatchError `bad_configuration` when there is no key. */
export function requireApiKey(settings: Settings): string {
  if (settings.apiKey) return settings.apiKey;
  throw new BatchError(
    'bad_configuration',
    'RIVYA_API_KEY is not set. Create a key in Rivya under Settings, then put RIVYA_API_KEY=YOUR_KEY into the environment or into a file named .env here. Without one, "npx rivya-batch run" takes --simulate: it makes placeholders, and nothing is spent.',
  );
}

function readDotEnv(): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync('.env', 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new BatchError(
      'bad_configuration',
      'The file .env cannot be read: correct its permissions, or remove it.',
      { cause: error },
    );
  }
}

/** Each may be given as a file that holds it, which `<NAME>_FILE` names: as Docker and systemd hand out secrets. */
const secretNames = [
  'RIVYA_API_KEY',
  'REDIS_URL',
  'RIVYA_BATCH_NOTIFY_SECRET',
  'MONITOR_PASSWORD',
  'RIVYA_BATCH_HOOKS_PATH',
] as const;

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
      faults.push(`${name} and ${name}_FILE are both set: leave one of them out.`);
      continue;
    }
    const read = readSecret(path);
    if (read.kind === 'held') values[name] = read.value;
    else faults.push(`${name}_FILE names a file that ${read.fault}.`);
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
