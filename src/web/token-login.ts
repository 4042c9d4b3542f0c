import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';

export type TokenSight =
  | { kind: 'admitted' }
  /** The token was right: its reader gets a cookie, and goes on at an address that does not hold it. */
  | { kind: 'exchanged'; cookie: string; to: string }
  | { kind: 'wrong' }
  | { kind: 'none' };

/**
 * Lets those in who have the address that was printed: `?token=...` there is exchanged for a cookie that no script can
 * read and no other site has sent. Programs may send it as `Authorization: Bearer`. Both are random, and of one process.
 */
export class TokenLogin {
  readonly token = randomBytes(24).toString('base64url');
  /** Cookies of a host go to all of its ports: another server of ours has one of another name. */
  private readonly cookieName = `rivya_batch_${randomBytes(6).toString('hex')}`;
  private readonly cookieValue = randomBytes(24).toString('base64url');

  /** The address to print. */
  addressAt(origin: string): string {
    return `${origin}/?token=${this.token}`;
  }

  /** Whether a request guesses. A cookie is none: an open page of a server that has ended would lock its reader out. */
  isOfferedIn(request: FastifyRequest): boolean {
    return offeredToken(request) !== null;
  }

  look(request: FastifyRequest): TokenSight {
    const bearer = bearerIn(request);
    if (bearer !== null) return { kind: isSameText(bearer, this.token) ? 'admitted' : 'wrong' };
    const offered = offeredToken(request);
    if (offered === null) return { kind: this.hasCookie(request) ? 'admitted' : 'none' };
    if (!isSameText(offered, this.token)) return { kind: 'wrong' };
    const cookie = `${this.cookieName}=${this.cookieValue}; Path=/; HttpOnly; SameSite=Strict`;
    return { kind: 'exchanged', cookie, to: withoutToken(request) };
  }

  private hasCookie({ headers }: FastifyRequest): boolean {
    const head = `${this.cookieName}=`;
    const cookies = (headers.cookie ?? '').split('; ');
    const own = cookies.find((cookie) => cookie.startsWith(head));
    return own !== undefined && isSameText(own.slice(head.length), this.cookieValue);
  }
}

/** Only its path and query count. */
const anyOrigin = 'http://any.invalid';

function offeredToken({ url, method }: FastifyRequest): string | null {
  // What changes something is asked for by a page, which has the cookie.
  if (method !== 'GET' && method !== 'HEAD') return null;
  return URL.canParse(url, anyOrigin) ? new URL(url, anyOrigin).searchParams.get('token') : null;
}

/** Always a path of this server: one that begins with two slashes would be the name of another. */
function withoutToken({ url }: FastifyRequest): string {
  const { pathname, searchParams } = new URL(url, anyOrigin);
  searchParams.delete('token');
  const query = searchParams.size === 0 ? '' : `?${searchParams}`;
  return `${pathname.replace(/^[/\\]+/, '/')}${query}`;
}

function bearerIn({ headers }: FastifyRequest): string | null {
  return /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1] ?? null;
}

/** Takes the same time however much of it is right. */
export function isSameText(text: string, guess: string): boolean {
  return timingSafeEqual(digest(text), digest(guess));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
