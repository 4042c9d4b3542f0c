import {
  type DestinationStream,
  type LevelWithSilent,
  type Logger,
  pino,
  stdSerializers,
  stdTimeFunctions,
} from 'pino';

/** As pino writes an error, but for the command that an error of Redis carries, with all that was sent (S8). */
function errorWithoutCommand(error: Error): Record<string, unknown> {
  const { command: _command, ...written } = stdSerializers.err(error);
  return written;
}

/**
 * JSON lines with ISO times; every line passes the redactor, whatever put a secret into it.
 * @param redact takes secrets out of a line before it is written (S8)
 */
export function createLogger(
  level: LevelWithSilent,
  destination: DestinationStream,
  redact: (text: string) => string,
): Logger {
  const safe: DestinationStream = { write: (line) => destination.write(redact(line)) };
  const serializers = { err: errorWithoutCommand };
  return pino({ level, base: null, timestamp: stdTimeFunctions.isoTime, serializers }, safe);
}
