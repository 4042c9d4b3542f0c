import { expect, test } from 'vitest';
import {
  formatBucketAddress,
  isBucketAddress,
  parseBucketAddress,
} from '../../src/bucket/bucket-address.js';

test.each([
  ['s3://shop', { bucket: 'shop', prefix: '' }, 's3://shop'],
  ['s3://shop/', { bucket: 'shop', prefix: '' }, 's3://shop'],
  ['S3://shop-1.de/Spring 2026/ä/', { bucket: 'shop-1.de', prefix: 'Spring 2026/ä' }, null],
  ['s3://shop//a/b//', { bucket: 'shop', prefix: 'a/b' }, 's3://shop/a/b'],
])('%s is a place, written in one way', (text, place, written) => {
  expect(isBucketAddress(text)).toBe(true);
  expect(parseBucketAddress(text)).toEqual(place);
  if (written !== null) expect(formatBucketAddress(place)).toBe(written);
});

test.each([
  ['s3://', /name of the bucket/],
  ['s3:///a', /name of the bucket/],
  ['s3://b_', /name of the bucket/],
  ['s3://key:secret@bucket/a', /no access key/],
  ['s3://bucket:9000/a', /S3_ENDPOINT/],
  ['s3://bucket/a//b', /may be empty/],
  ['s3://bucket/a/../b', /two dots/],
  ['s3://bucket/a\\b', /backslash/],
  ['s3://bucket/a\u0000b', /control character/],
  [`s3://bucket/${'ä'.repeat(351)}`, /700 bytes/],
])('%j is refused with what is wrong, and without what was given', (text, reason) => {
  expect(isBucketAddress(text)).toBe(true);
  const message = expect.stringMatching(reason);
  expect(() => parseBucketAddress(text)).toThrow(
    expect.objectContaining({ code: 'usage', message }),
  );
  expect(() => parseBucketAddress(text)).not.toThrow('secret');
});

test.each(['out', 's3', './s3:/x', 'gs://bucket', 'C:\\s3'])(
  '%s is no place in a bucket',
  (text) => {
    expect(isBucketAddress(text)).toBe(false);
  },
);
