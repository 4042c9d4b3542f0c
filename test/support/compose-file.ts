import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';

const seconds = z.string().regex(/^\d+s$/);
/** On this machine's loopback alone: `127.0.0.1:3020:3020`. */
const port = z.string().regex(/^127\.0\.0\.1:(\d+|\$\{\w+:-\d+\}):\d+$/);

const healthcheck = z.strictObject({
  test: z.tuple([z.enum(['CMD', 'CMD-SHELL'])], z.string()),
  interval: seconds,
  timeout: seconds,
  retries: z.number().int().positive(),
  start_period: seconds,
});

const anyService = {
  image: z.string(),
  command: z.array(z.string()).min(1),
  healthcheck,
  restart: z.literal('unless-stopped'),
  stop_grace_period: seconds.optional(),
  ports: z.array(port).optional(),
  volumes: z.array(z.string().regex(/^[\w./-]+:\/\w+(:ro)?$/)).optional(),
};

/** A container of ours: not root, nothing that it could write to but what it is given. */
const programSchema = z.strictObject({
  ...anyService,
  build: z.literal('.'),
  image: z.literal('rivya-batch'),
  user: z.string().regex(/:-node\}$/),
  read_only: z.literal(true),
  tmpfs: z.tuple([z.literal('/tmp')]),
  init: z.literal(true),
  cap_drop: z.tuple([z.literal('ALL')]),
  security_opt: z.tuple([z.literal('no-new-privileges:true')]),
  environment: z.record(z.string(), z.string()).default({}),
  env_file: z
    .tuple([z.strictObject({ path: z.literal('.env'), required: z.literal(false) })])
    .optional(),
  secrets: z.array(z.string()).default([]),
  depends_on: z
    .strictObject({ redis: z.strictObject({ condition: z.literal('service_healthy') }) })
    .optional(),
  deploy: z.strictObject({ replicas: z.number().int().positive() }).optional(),
  profiles: z.tuple([z.literal('simulator')]).optional(),
});
export type ProgramService = z.infer<typeof programSchema>;

/** What our `docker-compose.yml` may hold: strict, so that a misspelt key is found. */
const composeSchema = z.strictObject({
  name: z.literal('rivya-batch'),
  'x-program': z.unknown(),
  'x-account': z.unknown(),
  'x-batches': z.unknown(),
  services: z.strictObject({
    redis: z.strictObject(anyService),
    worker: programSchema,
    collector: programSchema,
    monitor: programSchema,
    simulator: programSchema,
  }),
  secrets: z.record(z.string(), z.strictObject({ file: z.string().startsWith('./secrets/') })),
  volumes: z.strictObject({ 'redis-data': z.null() }),
});
export type ComposeFile = z.infer<typeof composeSchema>;

export async function readComposeFile(): Promise<ComposeFile> {
  const text = await readFile(new URL('../../docker-compose.yml', import.meta.url), 'utf8');
  return composeSchema.parse(parse(text, { merge: true }));
}
