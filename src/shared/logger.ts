import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LoggerOptions {
  level: LogLevel;
  destination: DestinationStream;
  /** Takes secrets out of a line before it is written (S8). */
  redact(text: string): string;
}

/** JSON lines with ISO times; every line passes the redactor, whatever put a secret into it. */
export function createLogger({ level, destination, redact }: LoggerOptions): Logger {
  const safe: DestinationStream = { write: (line) => destination.write(redact(line)) };
  return pino({ level, base: null, timestamp: stdTimeFunctions.isoTime }, safe);
}
