import { createHmac } from 'node:crypto';

/** What a link's token says: which file, and when and in which set of links it was given out. */
export interface MediaGrant {
  taskId: string;
  fileName: string;
  /** 1 for the first set of links that a task's reads showed. */
  linkSet: number;
  issuedAt: number;
}

export type TokenReading = { kind: 'granted'; grant: MediaGrant } | { kind: 'forged' };

/** Path and query of a result file; nobody without the token gets it. */
export function mediaPath(grant: MediaGrant, secret: string): string {
  return `/media/${grant.taskId}/${grant.fileName}?token=${tokenOf(grant, secret)}`;
}

export function readToken(
  token: string,
  file: Pick<MediaGrant, 'taskId' | 'fileName'>,
  secret: string,
): TokenReading {
  const [linkSet = '', issuedAt = ''] = token.split('-');
  const grant = {
    taskId: file.taskId,
    fileName: file.fileName,
    linkSet: Number.parseInt(linkSet, 36),
    issuedAt: Number.parseInt(issuedAt, 36),
  };
  return tokenOf(grant, secret) === token ? { kind: 'granted', grant } : { kind: 'forged' };
}

function tokenOf({ taskId, fileName, linkSet, issuedAt }: MediaGrant, secret: string): string {
  const signature = createHmac('sha256', secret)
    .update(`${taskId}/${fileName}/${linkSet}/${issuedAt}`)
    .digest('hex')
    .slice(0, 16);
  return `${linkSet.toString(36)}-${issuedAt.toString(36)}-${signature}`;
}
