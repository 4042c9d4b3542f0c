import { expect, test } from 'vitest';
import { readSettings } from '../../src/session/environment.js';

test('S3_ENDPOINT is an origin, and absent it is null', () => {
  expect(readSettings({}).s3Endpoint).toBeNull();
  expect(readSettings({ S3_ENDPOINT: 'http://127.0.0.1:9000/' }).s3Endpoint).toBe(
    'http://127.0.0.1:9000',
  );
});

test.each([
  ['minio:9000', /such as https:/],
  ['https://key:secret@s3.example.com', /without a login/],
  ['https://s3.example.com/pictures', /a path/],
])('%s is refused, and not shown (S8)', (text, reason) => {
  const read = () => readSettings({ S3_ENDPOINT: text });
  expect(read).toThrow(expect.objectContaining({ code: 'bad_configuration' }));
  expect(read).toThrow(reason);
  expect(read).not.toThrow('secret');
});
