import { z } from 'zod';
import { endpoints } from '../endpoint.js';

const milliseconds = z.number().int().nonnegative();
const simple = <Kind extends string>(kind: Kind) => z.strictObject({ kind: z.literal(kind) });

/** Hit any request to the API, before anything is done with it. */
export const requestFaultSchema = z.discriminatedUnion('kind', [
  simple('outage'),
  simple('api-disabled'),
  z.strictObject({
    kind: z.literal('rate-limited'),
    retryAfterSeconds: z.number().int().nonnegative().optional(),
  }),
  simple('revoked-key'),
  z.strictObject({
    kind: z.literal('refuse'),
    status: z.number().int().min(400).max(599).default(418),
    code: z.string().min(1).default('never_seen_before'),
    requestId: z.enum(['present', 'absent']).default('present'),
  }),
  z.strictObject({
    kind: z.literal('page'),
    status: z.number().int().min(200).max(599).default(403),
  }),
]);

/** Added to the answer of a request that comes through; the request itself is served as ever. */
export const headerFaultSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('odd-reset'),
    reset: z.union([z.number(), z.string()]).default(30_000),
    remaining: z.union([z.number(), z.string()]).default(0),
    limit: z.union([z.number(), z.string()]).optional(),
  }),
]);

/** Hit a submission: before acceptance nothing is made or charged, after it the task exists and is paid. */
export const submitFaultSchema = z.discriminatedUnion('kind', [
  simple('drop-before-accept'),
  simple('gateway-before-accept'),
  simple('error-before-accept'),
  simple('reference-refused'),
  simple('lose-answer-after-accept'),
  simple('gateway-after-accept'),
  simple('error-after-accept'),
  z.strictObject({
    kind: z.literal('status-after-accept'),
    status: z.number().int().min(200).max(599).default(303),
    body: z.enum(['page', 'error']).default('page'),
  }),
  z.strictObject({ kind: z.literal('late-answer'), delayMs: milliseconds.default(60_000) }),
]);

/** Hit a read of a task; nothing is changed by them. */
export const readFaultSchema = z.discriminatedUnion('kind', [
  simple('drop-read'),
  simple('gateway-read'),
  simple('error-read'),
  z.strictObject({ kind: z.literal('late-read'), delayMs: milliseconds.default(60_000) }),
]);

/** Chosen when a task is made, and kept by it. Several may meet in one task. */
export const fateFaultSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('early-404'), forMs: milliseconds.default(3000) }),
  z.strictObject({
    kind: z.literal('task-fails'),
    code: z.string().min(1).default('generation_failed'),
    charge: z.enum(['refunded', 'kept']).default('refunded'),
    error: z.enum(['present', 'absent']).default('present'),
  }),
  simple('never-ends'),
  simple('null-result'),
  simple('empty-urls'),
  z.strictObject({
    kind: z.literal('many-urls'),
    count: z.number().int().min(1).max(1000).default(3),
  }),
  simple('empty-answer'),
  simple('extra-fields'),
  z.strictObject({
    kind: z.literal('unknown-status'),
    word: z.string().min(1).default('moderating'),
    forMs: milliseconds.default(3000),
  }),
  z.strictObject({ kind: z.literal('final-credits'), factor: z.number().nonnegative().default(2) }),
  simple('expire-first-url'),
  z.strictObject({ kind: z.literal('late-urls'), forMs: milliseconds.default(3000) }),
  z.strictObject({
    kind: z.literal('late-files'),
    forMs: milliseconds.default(3000),
    status: z.number().int().min(400).max(599).default(404),
  }),
]);

/** Hit the download of a result file whose link is good. */
export const downloadFaultSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('download-status'),
    status: z.number().int().min(400).max(599).default(403),
    retryAfterSeconds: z.number().int().nonnegative().optional(),
  }),
  simple('download-truncated'),
  z.strictObject({
    kind: z.literal('download-wrong-type'),
    what: z.enum(['html', 'json', 'xml', 'text', 'pdf', 'sound', 'svg']).default('html'),
    declared: z.enum(['truly', 'as-media']).default('truly'),
  }),
  z.strictObject({
    kind: z.literal('download-encoding'),
    token: z
      .string()
      .regex(/^[\w, -]+$/)
      .default('gzip'),
  }),
  z.strictObject({
    kind: z.literal('download-silent'),
    from: z.enum(['headers', 'body']).default('headers'),
  }),
  simple('download-empty'),
  z.strictObject({
    kind: z.literal('download-redirect'),
    to: z.enum(['http', 'private']).default('private'),
  }),
  z.strictObject({
    kind: z.literal('download-huge'),
    bytes: z.number().int().positive().default(8_000_000_000),
    length: z.enum(['announced', 'unannounced']).default('announced'),
  }),
  z.strictObject({
    kind: z.literal('download-bad-picture'),
    what: z.enum(['cut', 'damaged', 'flat', 'small']).default('cut'),
  }),
  z.strictObject({
    kind: z.literal('download-slow'),
    bytesPerSecond: z.number().int().positive().default(100),
  }),
]);

export const faultSchema = z.discriminatedUnion('kind', [
  requestFaultSchema,
  headerFaultSchema,
  submitFaultSchema,
  readFaultSchema,
  fateFaultSchema,
  downloadFaultSchema,
]);

/** Everything that can go wrong on demand; the table of names is at `parseFault`. */
export type Fault = z.infer<typeof faultSchema>;

/** Where in the life of a request or a task a fault strikes, and which faults strike there. */
export interface FaultsByPoint {
  request: z.infer<typeof requestFaultSchema>;
  headers: z.infer<typeof headerFaultSchema>;
  submit: z.infer<typeof submitFaultSchema>;
  read: z.infer<typeof readFaultSchema>;
  fate: z.infer<typeof fateFaultSchema>;
  download: z.infer<typeof downloadFaultSchema>;
}

export type FaultPoint = keyof FaultsByPoint;

export const faultRuleSchema = z.strictObject({
  fault: faultSchema,
  /** At most so often; absent: without end. */
  times: z.number().int().positive().optional(),
  /** Of each occasion that matches, seeded; absent: 1. */
  probability: z.number().min(0).max(1).optional(),
  when: z
    .strictObject({
      endpoint: z.enum(endpoints).optional(),
      model: z.string().optional(),
      promptContains: z.string().optional(),
    })
    .optional(),
});

export type FaultRule = z.infer<typeof faultRuleSchema>;
