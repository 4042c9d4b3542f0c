import { BatchError } from '../shared/errors.js';

/** A place in a bucket, `s3://bucket/prefix`. */
export interface BucketAddress {
  bucket: string;
  /** Without slashes at its ends; empty for the bucket as a whole. */
  prefix: string;
}

const scheme = /^s3:\/\//i;
/** What Amazon allowed at some time, and what other services allow: older names are longer, and may hold capitals. */
const bucketName = /^[a-zA-Z0-9][a-zA-Z0-9._-]{1,253}[a-zA-Z0-9]$/;
/** Bytes: a key may have 1,024, and the names of our own files come behind it. */
const longestPrefixBytes = 700;

/** Whether a text that names a place means one in a bucket, well written or not. */
export function isBucketAddress(text: string): boolean {
  return scheme.test(text);
}

/** @throws BatchError `usage`, with what is wrong: never with the text itself, which may hold a secret (S8) */
export function parseBucketAddress(text: string): BucketAddress {
  const rest = text.replace(scheme, '');
  const slash = rest.indexOf('/');
  const bucket = slash === -1 ? rest : rest.slice(0, slash);
  const prefix = (slash === -1 ? '' : rest.slice(slash)).replace(/^\/+|\/+$/g, '');
  const fault = faultOf(bucket, prefix);
  if (fault === null) return { bucket, prefix };
  throw new BatchError('usage', `An address of a bucket is s3://BUCKET/FOLDER: ${fault}.`);
}

/** The one way in which an address is written: equal texts are equal places. */
export function formatBucketAddress({ bucket, prefix }: BucketAddress): string {
  return prefix === '' ? `s3://${bucket}` : `s3://${bucket}/${prefix}`;
}

function faultOf(bucket: string, prefix: string): string | null {
  if (/[@:]/.test(bucket)) {
    return 'no access key and no port belong in it; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or S3_ENDPOINT';
  }
  if (!bucketName.test(bucket)) {
    return 'the name of the bucket, 3 letters, digits, dots and dashes at least, comes right behind s3://';
  }
  if (/[\p{C}\\]/u.test(prefix)) return 'the folder may hold no backslash and no control character';
  if (prefix.split('/').some((part) => part === '.' || part === '..' || part.trim() === '')) {
    return prefix === '' ? null : 'no part of the folder may be empty, a dot or two dots';
  }
  if (Buffer.byteLength(prefix) > longestPrefixBytes) {
    return `the folder may have ${longestPrefixBytes} bytes at most`;
  }
  return null;
}
