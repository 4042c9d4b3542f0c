import pc from 'picocolors';

/** One line of the diagnosis, with the remedy where something is wrong. */
export interface Finding {
  subject: string;
  level: 'ok' | 'warning' | 'error';
  text: string;
}

export function findingText({ subject, level, text }: Finding): string {
  const colours = { ok: pc.green, warning: pc.yellow, error: pc.red };
  return `${colours[level](level.padEnd(8))} ${subject.padEnd(14)} ${text}`;
}
