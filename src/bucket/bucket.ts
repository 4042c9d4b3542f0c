import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { S3Client } from '@aws-sdk/client-s3';
import type { ProxySettings } from '../rivya/dispatcher.js';
import { BatchError } from '../shared/errors.js';
import { firstBytes, hashOf } from '../shared/hash-chunks.js';
import { type BucketAddress, formatBucketAddress, parseBucketAddress } from './bucket-address.js';
import { type BucketAction, BucketTrouble, bucketTrouble, failureOf } from './bucket-trouble.js';
import { requestHandler } from './request-handler.js';

export interface BucketOptions {
  /** Origin of a service other than Amazon's; null: Amazon's, in the region of the environment or profile. */
  endpoint: string | null;
  proxy?: ProxySettings | undefined;
}

/** What a bucket says of one file. */
export interface StoredFile {
  /** With its quotes, as it goes into a condition. */
  etag: string;
  bytes: number;
  /** Hexadecimal; null of a file that came from elsewhere. */
  sha256: string | null;
}

export type GetOutcome =
  | { kind: 'absent' }
  /** It still has the ETag of `unless`. */
  | { kind: 'same' }
  /** To be read or destroyed; what fails while it is read is a `BucketTrouble`. */
  | { kind: 'found'; etag: string; bytes: number; body: Readable };

export type CopyOutcome =
  | { kind: 'absent' }
  /** `sha256`: hexadecimal, as the service has reckoned it of what it read; null where it does not. */
  | { kind: 'copied'; sha256: string | null };

export type PutOutcome =
  | { kind: 'put'; etag: string }
  /** The condition does not hold: somebody else has put another file there, or taken it away. */
  | { kind: 'overtaken' };

/** Of a file, exactly its first `bytes`: it may grow meanwhile. */
export type PutContent = { path: string; bytes: number } | { text: string };

export interface PutManner {
  /** Hold by the service: between looking and writing, nobody comes in between. */
  onlyIf: { etag: string } | 'absent' | 'any';
  mediaType: string;
  /** Hexadecimal, of what is to be put, where it is known: a local file that differs is not put. */
  sha256?: string;
}

/** Bytes held in memory are four times this for each large upload. */
const partBytes = 8 * 1024 * 1024;
const longestConflict = 4;
const mostConnections = 32;
/** The name under which the SHA-256 stands beside what is stored: of what came in parts, a service knows only the parts'. */
const sha256Note = 'sha256';

/**
 * The files below one address of a bucket. Names are paths below it, such as `assets/a.png`.
 * Credentials are found by the SDK where it always looks; none is kept here.
 */
export class Bucket {
  readonly address: string;
  readonly #place: BucketAddress;
  readonly #options: BucketOptions;
  #connection: Promise<Connection> | null = null;

  private constructor(place: BucketAddress, options: BucketOptions) {
    this.#place = place;
    this.#options = options;
    this.address = formatBucketAddress(place);
  }

  /** Sends nothing. @throws BatchError `usage` */
  static open(address: string, options: BucketOptions): Bucket {
    return new Bucket(parseBucketAddress(address), options);
  }

  /** Null where there is no such file. @throws BucketTrouble */
  async head(name: string): Promise<StoredFile | null> {
    const found = await this.#ask('get', async ({ sdk, client }) => {
      try {
        return await client.send(
          new sdk.HeadObjectCommand({ ...this.#at(name), ChecksumMode: 'ENABLED' }),
        );
      } catch (error) {
        const { code, status } = failureOf(error);
        if (status === 404) return null;
        // An answer to HEAD has no body that would tell why: the same asked with GET has.
        if (code === null && status !== null) {
          await client.send(new sdk.GetObjectCommand({ ...this.#at(name), Range: 'bytes=0-0' }));
        }
        throw error;
      }
    });
    if (found === null) return null;
    const { ETag, ContentLength, ChecksumSHA256, Metadata } = found;
    const sha256 = hexOf(ChecksumSHA256) ?? Metadata?.[sha256Note] ?? null;
    return { etag: ETag ?? '', bytes: ContentLength ?? 0, sha256 };
  }

  /**
   * @param which `first`: no more than so many bytes, of a file that has any
   * @throws BucketTrouble
   */
  async get(
    name: string,
    { unless, first }: { unless?: string; first?: number } = {},
  ): Promise<GetOutcome> {
    return this.#ask('get', async ({ sdk, client }) => {
      try {
        const found = await client.send(
          new sdk.GetObjectCommand({
            ...this.#at(name),
            ...(unless === undefined ? {} : { IfNoneMatch: unless }),
            ...(first === undefined ? {} : { Range: `bytes=0-${first - 1}` }),
          }),
        );
        const { ETag, ContentLength, Body } = found;
        const body = Readable.from(this.#read(Body as Readable), { objectMode: false });
        return { kind: 'found', etag: ETag ?? '', bytes: ContentLength ?? 0, body };
      } catch (error) {
        const { code, status } = failureOf(error);
        if (status === 304) return { kind: 'same' };
        if (status === 404 && code !== 'NoSuchBucket') return { kind: 'absent' };
        throw error;
      }
    });
  }

  /**
   * Puts a file whole, checked by its SHA-256 on the way. What is there already with the same bytes counts as put,
   * whoever put it: the answer to an earlier try may have been lost.
   * @throws BucketTrouble
   */
  async put(name: string, content: PutContent, manner: PutManner): Promise<PutOutcome> {
    const body = await readContent(content, manner.sha256);
    return this.#ask('put', async (connection) => {
      for (let tries = 1; ; tries += 1) {
        try {
          return await this.#upload(connection, name, body, manner);
        } catch (error) {
          const meaning = afterUpload(error);
          if (meaning === 'failed') throw error;
          const there = await this.head(name);
          if (isSame(there, body)) return { kind: 'put', etag: there.etag };
          if (meaning === 'overtaken' && manner.onlyIf !== 'any') return { kind: 'overtaken' };
          if (tries === longestConflict) throw error;
        }
      }
    });
  }

  /**
   * Has a file here that stands below another address of the same service, under the same name: nothing of it comes by this
   * machine. What was here goes. @throws BucketTrouble
   */
  async copyFrom(from: Bucket, name: string): Promise<CopyOutcome> {
    const { Bucket: bucket, Key: key } = from.#at(name);
    const source = `${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`;
    return this.#ask('copy', async ({ sdk, client }) => {
      try {
        const { CopyObjectResult } = await client.send(
          new sdk.CopyObjectCommand({
            ...this.#at(name),
            CopySource: source,
            ChecksumAlgorithm: sdk.ChecksumAlgorithm.SHA256,
          }),
        );
        return { kind: 'copied', sha256: hexOf(CopyObjectResult?.ChecksumSHA256) };
      } catch (error) {
        if (failureOf(error).code === 'NoSuchKey') return { kind: 'absent' };
        throw error;
      }
    });
  }

  /** All files whose name begins with `prefix`, in the order of their names. @throws BucketTrouble */
  async *list(prefix: string): AsyncGenerator<{ name: string; bytes: number }> {
    for await (const { Contents } of this.#pages({ Prefix: this.#above(prefix) })) {
      for (const { Key, Size } of Contents ?? []) {
        if (Key !== undefined) yield { name: this.#below(Key), bytes: Size ?? 0 };
      }
    }
  }

  /** The names right below the address under which there are files. @throws BucketTrouble */
  async folders(): Promise<string[]> {
    const names: string[] = [];
    for await (const page of this.#pages({ Prefix: this.#above(''), Delimiter: '/' })) {
      for (const { Prefix = '' } of page.CommonPrefixes ?? []) {
        names.push(this.#below(Prefix).slice(0, -1));
      }
    }
    return names;
  }

  async *#pages(which: { Prefix: string; Delimiter?: string }) {
    const { bucket } = this.#place;
    let next: string | undefined;
    do {
      const page = await this.#ask('list', ({ sdk, client }) =>
        client.send(
          new sdk.ListObjectsV2Command({
            ...{ Bucket: bucket, ...which },
            ...(next === undefined ? {} : { ContinuationToken: next }),
          }),
        ),
      );
      yield page;
      next = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (next !== undefined);
  }

  /** What is not there is no fault. @throws BucketTrouble */
  async remove(name: string): Promise<void> {
    await this.#ask('remove', async ({ sdk, client }) => {
      try {
        await client.send(new sdk.DeleteObjectCommand(this.#at(name)));
      } catch (error) {
        const { code, status } = failureOf(error);
        if (status !== 404 || code === 'NoSuchBucket') throw error;
      }
    });
  }

  /** Ends its connections. */
  async close(): Promise<void> {
    await (await this.#connection?.catch(() => null))?.close();
  }

  async #upload(
    { sdk, storage, client }: Connection,
    name: string,
    body: ReadBody,
    { onlyIf, mediaType }: PutManner,
  ): Promise<PutOutcome> {
    const params = {
      ...this.#at(name),
      Body: body.open(),
      ContentLength: body.bytes,
      ContentType: mediaType,
      ChecksumAlgorithm: sdk.ChecksumAlgorithm.SHA256,
      Metadata: { [sha256Note]: body.sha256 },
      ...(onlyIf === 'absent' ? { IfNoneMatch: '*' } : {}),
      ...(typeof onlyIf === 'object' ? { IfMatch: onlyIf.etag } : {}),
    };
    const partSize = Math.max(partBytes, Math.ceil(body.bytes / 10_000));
    const answer = await new storage.Upload({ client, params, partSize }).done();
    if (answer.ETag !== undefined && hexOf(answer.ChecksumSHA256) === body.sha256) {
      return { kind: 'put', etag: answer.ETag };
    }
    // Of what came in parts, or of a service that says less, only what it has then tells that it is whole.
    const there = await this.head(name);
    if (isSame(there, body)) return { kind: 'put', etag: there.etag };
    throw new BucketTrouble(
      `The content of ${this.address} is not what was put there (${name}): it is put again. If this repeats, another program writes to the same folder.`,
      'passing',
    );
  }

  async *#read(body: Readable): AsyncGenerator<Buffer> {
    try {
      yield* body;
    } catch (error) {
      throw this.#trouble('get', error);
    }
  }

  #at(name: string): { Bucket: string; Key: string } {
    return { Bucket: this.#place.bucket, Key: this.#above(name) };
  }

  #above(name: string): string {
    const { prefix } = this.#place;
    return prefix === '' ? name : `${prefix}/${name}`;
  }

  #below(key: string): string {
    return key.slice(this.#above('').length);
  }

  async #ask<T>(action: BucketAction, ask: (connection: Connection) => Promise<T>): Promise<T> {
    try {
      this.#connection ??= connect(this.#options);
      return await ask(await this.#connection);
    } catch (error) {
      throw this.#trouble(action, error);
    }
  }

  #trouble(action: BucketAction, error: unknown): BatchError {
    const { endpoint } = this.#options;
    return bucketTrouble(error, { address: this.address, endpoint, action });
  }
}

type Sdk = typeof import('@aws-sdk/client-s3');

interface Connection {
  sdk: Sdk;
  storage: typeof import('@aws-sdk/lib-storage');
  client: S3Client;
  close(): Promise<void>;
}

/** The SDK takes as long to load as a short command to run: only whoever uses a bucket waits for it. */
async function connect({ endpoint, proxy }: BucketOptions): Promise<Connection> {
  const [{ createDispatcher }, sdk, storage] = await Promise.all([
    import('../rivya/dispatcher.js'),
    import('@aws-sdk/client-s3'),
    import('@aws-sdk/lib-storage'),
  ]);
  const protocol = endpoint !== null && /^http:/i.test(endpoint) ? 'http:' : 'https:';
  const dispatcher = createDispatcher({ protocol, proxy, connections: mostConnections });
  const options = {
    requestHandler: requestHandler(dispatcher),
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    expectContinueHeader: false,
    ...(endpoint === null ? { followRegionRedirects: true } : { endpoint, forcePathStyle: true }),
  } as const;
  let client = quietly(() => new sdk.S3Client(options));
  if (!(await hasRegion(client))) {
    if (endpoint === null) {
      throw new BatchError(
        'bad_configuration',
        'The region of the bucket is not known: set AWS_REGION, or AWS_PROFILE to a profile that has one.',
      );
    }
    client = new sdk.S3Client({ ...options, region: 'us-east-1' });
  }
  forgiveAborts(client);
  return {
    ...{ sdk, storage, client },
    async close() {
      client.destroy();
      await dispatcher.destroy();
    },
  };
}

/** Whoever may not clear up after an upload that failed is to hear why it failed. */
function forgiveAborts(client: S3Client): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      if (context.commandName !== 'AbortMultipartUploadCommand') return next(args);
      return next(args).catch(() => ({ output: { $metadata: {} }, response: {} }));
    },
    { step: 'initialize' },
  );
}

const warningSwitch = 'AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED';

/** The first client of a process prints which version of Node later versions of the SDK need, unless this variable is set. */
function quietly<T>(make: () => T): T {
  const before = process.env[warningSwitch];
  process.env[warningSwitch] = 'true';
  try {
    return make();
  } finally {
    if (before === undefined) delete process.env[warningSwitch];
    else process.env[warningSwitch] = before;
  }
}

async function hasRegion(client: S3Client): Promise<boolean> {
  try {
    return (await client.config.region()) !== '';
  } catch {
    return false;
  }
}

interface ReadBody {
  bytes: number;
  sha256: string;
  open(): Buffer | Readable;
}

async function readContent(content: PutContent, expected?: string): Promise<ReadBody> {
  if ('text' in content) return heldBody(Buffer.from(content.text), expected);
  const { path, bytes } = content;
  if (bytes <= partBytes) {
    const held = await buffer(firstBytes(path, bytes));
    return heldBody(held, expected, bytes);
  }
  const sha256 = expected ?? (await hashOf(firstBytes(path, bytes)));
  const open = () => Readable.from(checked(path, bytes, sha256), { objectMode: false });
  return { bytes, sha256, open };
}

function heldBody(held: Buffer, expected?: string, bytes = held.length): ReadBody {
  const sha256 = createHash('sha256').update(held).digest('hex');
  if (held.length !== bytes || (expected !== undefined && expected !== sha256)) throw changed();
  return { bytes, sha256, open: () => held };
}

/** Fails before its last part goes out: then nothing of it is seen in the bucket. */
async function* checked(path: string, bytes: number, sha256: string): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  for await (const chunk of firstBytes(path, bytes)) {
    hash.update(chunk as Buffer);
    yield chunk as Buffer;
  }
  if (hash.digest('hex') !== sha256) throw changed();
}

function changed(): BatchError {
  return new BatchError(
    'output_unusable',
    'A local file is not what was written: the disk is damaged, or another program has changed it while it was on its way to the bucket.',
  );
}

/** A service's checksum, where it is one of the whole file: that of parts has their number behind a dash. */
function hexOf(checksum: string | undefined): string | null {
  if (checksum === undefined || checksum.includes('-')) return null;
  return Buffer.from(checksum, 'base64').toString('hex');
}

function isSame(there: StoredFile | null, body: ReadBody): there is StoredFile {
  return there !== null && there.sha256 === body.sha256 && there.bytes === body.bytes;
}

/** What a refused upload means, before it is looked at what is there now. */
function afterUpload(error: unknown): 'overtaken' | 'unclear' | 'failed' {
  const { code, status } = failureOf(error);
  if (status === 412 || (status === 404 && code === 'NoSuchKey')) return 'overtaken';
  // Two at once, of which one may have won; and parts that are gone since an answer was lost.
  return status === 409 || code === 'NoSuchUpload' ? 'unclear' : 'failed';
}
