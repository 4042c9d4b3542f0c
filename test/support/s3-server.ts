import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import S3rver from '@20minutes/s3rver';

/** What happens to a request instead of, or after, being carried out. */
export type Fault =
  /** It is refused with S3's own words. */
  | { kind: 'answer'; status: number; code: string }
  /** Its connection ends while its body is on the way: nothing of it is kept. */
  | { kind: 'cut' }
  /** It is carried out, and the connection ends before its answer. */
  | { kind: 'lose-answer' }
  /** It is carried out, and the connection ends in the middle of its answer's body. */
  | { kind: 'cut-answer' }
  /** It is carried out once this is settled. */
  | { kind: 'hold'; until: Promise<unknown> };

export interface FaultPlan {
  /** Of HTTP; any without it. */
  method?: string;
  /** Whether it is for this key, with the query behind it (`a.png?uploads=`); any without it. */
  key?: RegExp;
  /** How many requests; without end unless said. */
  times?: number;
  fault: Fault;
}

export interface SeenRequest {
  method: string;
  bucket: string;
  /** Decoded, with the query behind a question mark. */
  key: string;
  headers: IncomingHttpHeaders;
}

/**
 * A real S3 server that checks signatures and keeps files in a folder of its own, behind a gate that adds what it lacks:
 * writing on a condition (If-Match, If-None-Match), one request at a time for a key, so that whoever reads sees a file whole,
 * giving up an upload in parts, and SHA-256 checksums, checked, kept and told, of copies too. The gate also does to requests what networks and services do to them.
 */
export class S3Server {
  readonly seen: SeenRequest[] = [];
  readonly #folder: string;
  readonly #inner: S3rver;
  readonly #gate = createServer();
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly #checksums = new Map<string, { etag: string; checksum: string }>();
  readonly #parts = new Map<string, Map<number, string>>();
  #plans: FaultPlan[] = [];
  #innerPort = 0;
  /** Whether it reckons the SHA-256 of what it copies: not every service does. */
  reckonsCopies = true;

  private constructor(folder: string, buckets: readonly string[]) {
    this.#folder = folder;
    this.#inner = new S3rver({
      ...{ directory: folder, address: '127.0.0.1', port: 0, silent: true, vhostBuckets: false },
      configureBuckets: buckets.map((name) => ({ name })),
    });
  }

  static async start(...buckets: string[]): Promise<S3Server> {
    const server = new S3Server(await mkdtemp(join(tmpdir(), 'rivya-batch-s3-')), buckets);
    server.#innerPort = (await server.#inner.run()).port;
    server.#gate.on('request', (from, to) => void server.#receive(from, to));
    server.#gate.listen(0, '127.0.0.1');
    await once(server.#gate, 'listening');
    return server;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#gate.address() as AddressInfo).port}`;
  }

  /** What a program needs to use it. */
  get env(): Record<string, string> {
    return {
      AWS_ACCESS_KEY_ID: 'S3RVER',
      AWS_SECRET_ACCESS_KEY: 'S3RVER',
      AWS_REGION: 'us-east-1',
      S3_ENDPOINT: this.endpoint,
    };
  }

  /** From now on, until its times are over or `heal`. */
  plan(plan: FaultPlan): void {
    this.#plans.push({ ...plan });
  }

  heal(): void {
    this.#plans = [];
  }

  /** The keys that a bucket holds, sorted. */
  async keys(bucket: string): Promise<string[]> {
    const suffix = '._S3rver_object';
    const files = await readdir(join(this.#folder, bucket), { recursive: true });
    return files
      .filter((file) => file.endsWith(suffix))
      .map((file) => file.slice(0, -suffix.length))
      .sort();
  }

  /** The bytes of a file, read where the server keeps them. */
  async bytes(bucket: string, key: string): Promise<Buffer> {
    return readFile(join(this.#folder, bucket, `${key}._S3rver_object`));
  }

  /** As if another program had put it there. */
  async place(bucket: string, key: string, content: string | Buffer): Promise<void> {
    const path = join(this.#folder, bucket, `${key}._S3rver_object`);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    await rm(`${path}.md5`, { force: true });
  }

  async text(bucket: string, key: string): Promise<string> {
    return (await this.bytes(bucket, key)).toString();
  }

  /** How many uploads in parts are neither done nor given up. */
  async openUploads(bucket: string): Promise<number> {
    return (await readdir(this.#uploads(bucket)).catch(() => [])).length;
  }

  async stop(): Promise<void> {
    this.#gate.close();
    this.#gate.closeAllConnections();
    await this.#inner.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #uploads(bucket: string): string {
    return join(this.#folder, bucket, '._S3rver_uploads');
  }

  async #receive(from: IncomingMessage, to: ServerResponse): Promise<void> {
    const url = new URL(from.url ?? '/', 'http://gate');
    const [, bucket = '', ...rest] = url.pathname.split('/');
    const method = from.method ?? '';
    const key = decodeURIComponent(rest.join('/'));
    this.seen.push({ method, bucket, key: `${key}${url.search}`, headers: from.headers });
    const fault = this.#faultFor(method, `${key}${url.search}`);
    if (fault?.kind === 'cut') {
      from.once('data', () => from.socket.destroy());
      if (method !== 'PUT' && method !== 'POST') from.socket.destroy();
      return;
    }
    const body = await bodyOf(from).catch(() => null);
    if (body === null) return;
    if (fault?.kind === 'hold') await fault.until;
    if (fault?.kind === 'answer') return refuse(to, method, fault.status, fault.code);
    const asked = { method, url, place: `${bucket}/${key}`, headers: from.headers, body };
    const answer = await this.#inTurn(asked.place, () => this.#carryOut(asked));
    if (fault?.kind === 'lose-answer') {
      from.socket.destroy();
      return;
    }
    to.writeHead(answer.status, answer.headers);
    if (fault?.kind !== 'cut-answer') {
      to.end(answer.body);
      return;
    }
    to.write(answer.body.subarray(0, answer.body.length / 2), () => from.socket.destroy());
  }

  #faultFor(method: string, key: string): Fault | null {
    const plan = this.#plans.find(
      (one) =>
        (one.method === undefined || one.method === method) &&
        (one.key?.test(key) ?? true) &&
        one.times !== 0,
    );
    if (plan?.times !== undefined) plan.times -= 1;
    return plan?.fault ?? null;
  }

  async #inTurn<T>(place: string, act: () => Promise<T>): Promise<T> {
    const earlier = this.#turns.get(place) ?? Promise.resolve();
    const mine = earlier.then(act, act);
    this.#turns.set(place, mine);
    return mine;
  }

  async #carryOut(asked: Asked): Promise<Answer> {
    const { method, url, place, headers, body } = asked;
    const uploadId = url.searchParams.get('uploadId');
    const partNumber = url.searchParams.get('partNumber');
    const stated = headers['x-amz-checksum-sha256'];
    if (method === 'PUT' && stated !== undefined && stated !== base64Of(body)) {
      return refusal(400, 'BadDigest');
    }
    const writes =
      (method === 'PUT' && uploadId === null) || (method === 'POST' && uploadId !== null);
    if (writes) {
      const refused = await this.#condition(place, headers);
      if (refused !== null) return refused;
    }
    if (method === 'DELETE' && uploadId !== null) {
      const [bucket = ''] = place.split('/');
      await rm(join(this.#uploads(bucket), uploadId), { recursive: true, force: true });
      return { status: 204, headers: {}, body: Buffer.alloc(0) };
    }
    const answer = await this.#forward(asked);
    if (answer.status >= 300) return answer;
    if (method === 'PUT' && uploadId !== null && typeof stated === 'string') {
      const parts = this.#parts.get(uploadId) ?? new Map<number, string>();
      this.#parts.set(uploadId, parts.set(Number(partNumber), stated));
      answer.headers['x-amz-checksum-sha256'] = stated;
    } else if (method === 'PUT' && typeof stated === 'string') {
      await this.#remember(place, stated);
      answer.headers['x-amz-checksum-sha256'] = stated;
    } else if (writes && uploadId !== null) {
      await this.#remember(place, composite(this.#parts.get(uploadId) ?? new Map()));
    } else if (headers['x-amz-copy-source'] !== undefined) {
      return this.reckonsCopies ? this.#reckoned(place, answer) : answer;
    } else if (headers['x-amz-checksum-mode'] === 'ENABLED') {
      const known = this.#checksums.get(place);
      if (known && known.etag === answer.headers.etag) {
        answer.headers['x-amz-checksum-sha256'] = known.checksum;
      }
    }
    return answer;
  }

  async #reckoned(place: string, answer: Answer): Promise<Answer> {
    const slash = place.indexOf('/');
    const checksum = base64Of(await this.bytes(place.slice(0, slash), place.slice(slash + 1)));
    await this.#remember(place, checksum);
    const told = `<ChecksumSHA256>${checksum}</ChecksumSHA256></CopyObjectResult>`;
    const body = Buffer.from(answer.body.toString().replace('</CopyObjectResult>', told));
    const { 'content-length': _before, ...headers } = answer.headers;
    return { ...answer, headers, body };
  }

  async #remember(place: string, checksum: string): Promise<void> {
    const etag = await this.#etag(place);
    if (etag !== null) this.#checksums.set(place, { etag, checksum });
  }

  /** As Amazon has it: an If-Match for what is not there is a 404. */
  async #condition(place: string, headers: IncomingHttpHeaders): Promise<Answer | null> {
    const { 'if-match': match, 'if-none-match': noneMatch } = headers;
    if (match === undefined && noneMatch === undefined) return null;
    const etag = await this.#etag(place);
    if (match !== undefined && etag === null) return refusal(404, 'NoSuchKey');
    const holds = match === undefined ? etag === null : match === etag;
    return holds ? null : refusal(412, 'PreconditionFailed');
  }

  async #etag(place: string): Promise<string | null> {
    const slash = place.indexOf('/');
    const [bucket, key] = [place.slice(0, slash), place.slice(slash + 1)];
    if (!(await this.#inner.store.existsObject(bucket, key))) return null;
    return (await this.#inner.store.getMetadata(bucket, key)).etag;
  }

  async #forward({ method, url, place, headers, body }: Asked): Promise<Answer> {
    // The server reckons the signature of a listing without the slash behind the bucket that is signed, and does not decode
    // the whole of a source: these go unsigned.
    const { authorization, 'x-amz-copy-source': source, ...others } = headers;
    const unsigned = {
      ...others,
      ...(source !== undefined && {
        'x-amz-copy-source': encodeURI(decodeURIComponent(`${source}`)),
      }),
    };
    const isUnsigned = place.endsWith('/') || source !== undefined || authorization === undefined;
    const passed = isUnsigned ? unsigned : headers;
    const isListing = method === 'GET' && url.searchParams.has('list-type');
    const asked = request({
      ...{ host: '127.0.0.1', port: this.#innerPort, method, headers: passed },
      path: `${url.pathname}${isListing ? listedAfter(url.searchParams) : url.search}`,
    });
    asked.end(body);
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    const told = Object.entries(answer.headers).filter(
      ([name]) => name !== 'connection' && !(isListing && name === 'content-length'),
    );
    const found = await bodyOf(answer);
    return {
      status: answer.statusCode ?? 500,
      headers: Object.fromEntries(told) as Answer['headers'],
      body: isListing ? withToken(found) : found,
    };
  }
}

interface Asked {
  method: string;
  url: URL;
  place: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

interface Answer {
  status: number;
  headers: Record<string, string | string[]>;
  body: Buffer;
}

async function bodyOf(from: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of from) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/**
 * The server makes its tokens for the next page with a cipher that Node has no more: it is asked in the older way, for
 * what comes behind a key, which stands for the token.
 */
function listedAfter(query: URLSearchParams): string {
  const older = new URLSearchParams({ prefix: query.get('prefix') ?? '' });
  const delimiter = query.get('delimiter');
  if (delimiter !== null) older.set('delimiter', delimiter);
  const token = query.get('continuation-token');
  if (token !== null) older.set('marker', Buffer.from(token, 'base64').toString());
  return `?${older}`;
}

function withToken(listing: Buffer): Buffer {
  const xml = listing.toString();
  if (!xml.includes('<IsTruncated>true')) return listing;
  const last = [...xml.matchAll(/<Key>([^<]*)</g)].at(-1)?.[1] ?? '';
  const token = `<NextContinuationToken>${Buffer.from(last).toString('base64')}</NextContinuationToken>`;
  return Buffer.from(xml.replace('<IsTruncated>', `${token}<IsTruncated>`));
}

function refusal(status: number, code: string): Answer {
  const body = Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>As planned</Message><RequestId>1</RequestId></Error>`,
  );
  return { status, headers: { 'content-type': 'application/xml' }, body };
}

function refuse(to: ServerResponse, method: string, status: number, code: string): void {
  const { headers, body } = refusal(status, code);
  to.writeHead(status, headers);
  to.end(method === 'HEAD' ? undefined : body);
}

function base64Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('base64');
}

/** Of a file that came in parts: the checksum of the parts' checksums, and how many they are. */
function composite(parts: Map<number, string>): string {
  const inOrder = [...parts].sort(([a], [b]) => a - b).map(([, sum]) => Buffer.from(sum, 'base64'));
  return `${base64Of(Buffer.concat(inOrder))}-${inOrder.length}`;
}
