import { expect, it } from 'vitest';
import type { LogLevel } from '../../src/cli/options/flags.js';
import { createLogger } from '../../src/shared/logger.js';

function logTo(level: LogLevel) {
  const lines: string[] = [];
  const destination = { write: (line: string) => lines.push(line) };
  const logger = createLogger(level, destination, (text) =>
    text.replaceAll('rvya_sk_secret', '[redacted]'),
  );
  return { logger, lines };
}

it('S8: takes a secret out of a line, however it got there', () => {
  const { logger, lines } = logTo('info');
  const cause = new Error('refused rvya_sk_secret');
  logger.info({ header: ['Bearer rvya_sk_secret'] }, 'sent rvya_sk_secret');
  logger.child({ key: 'rvya_sk_secret' }).error({ err: new Error('no', { cause }) }, 'failed');
  expect(lines).toHaveLength(2);
  expect(lines.join('')).not.toContain('rvya_sk_secret');
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ msg: 'sent [redacted]' });
});

it('S8: writes no command of Redis, whatever connection refused it', () => {
  const { logger, lines } = logTo('info');
  const error = Object.assign(new Error('OOM'), {
    code: 'E',
    command: { name: 'evalsha', args: ['signed URL'] },
  });
  logger.child({ batch: 'spring' }).error({ err: error }, 'failed');
  expect(lines.join('')).not.toContain('signed URL');
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ err: { message: 'OOM', code: 'E' } });
});

it('writes one JSON line with an ISO time for each entry of its level or above', () => {
  const { logger, lines } = logTo('warn');
  logger.info('not this');
  logger.warn({ batch: 'spring' }, 'this');
  expect(lines).toHaveLength(1);
  const line = JSON.parse(lines[0] ?? '') as { time: string };
  expect(line).toMatchObject({ msg: 'this', batch: 'spring' });
  expect(new Date(line.time).toISOString()).toBe(line.time);
  expect(logTo('silent').logger.isLevelEnabled('error')).toBe(false);
});
