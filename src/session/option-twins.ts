/**
 * Options that pay again, delete results, or go on without asking: a person types them each time. In an environment one would be
 * forgotten, and pay at each command from then on (S1).
 */
export const typedEachTime: ReadonlySet<string> = new Set([
  ...['force', 'fresh', 'yes', 'abandon', 'ids', 'run', 'files'],
]);

/** The variable that stands for an option: `RIVYA_BATCH_IN_FLIGHT` for `in-flight`; null for one that is to be typed. */
export function twinOf(option: string): string | null {
  return typedEachTime.has(option) ? null : variableOf(option);
}

export function variableOf(option: string): string {
  return `RIVYA_BATCH_${option.toUpperCase().replaceAll('-', '_')}`;
}
