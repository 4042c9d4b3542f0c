import type { Logger } from 'pino';
import { PinoPretty as pretty } from 'pino-pretty';
import { redactSecrets } from '../../rivya/transport-failure.js';
import { createLogger } from '../../shared/logger.js';
import type { LogLevel } from '../options/flags.js';

/** JSON lines for machines; on a terminal, lines for people. */
export function openLogger(level: LogLevel): Logger {
  const destination = process.stderr.isTTY
    ? pretty({ destination: process.stderr, translateTime: 'SYS:HH:MM:ss', sync: true })
    : process.stderr;
  return createLogger(level, destination, redactSecrets);
}
