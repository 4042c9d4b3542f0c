import pc from 'picocolors';
import { hangingLines } from '../hanging-lines.js';
import { lineWidth, type Terminal } from '../terminal.js';

/** One line of the diagnosis, with the remedy where something is wrong. */
export interface Finding {
  subject: string;
  level: 'ok' | 'warning' | 'error';
  text: string;
}

export function findingLines({ subject, level, text }: Finding, terminal: Terminal): string[] {
  const colours = { ok: pc.green, warning: pc.yellow, error: pc.red };
  const head = `${colours[level](level.padEnd(8))} ${subject.padEnd(14)} `;
  return hangingLines(head, text, lineWidth(terminal));
}
