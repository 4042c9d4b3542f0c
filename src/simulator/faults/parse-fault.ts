import { z } from 'zod';
import { BatchError } from '../../shared/errors.js';
import { type Fault, type FaultRule, faultRuleSchema } from './fault.js';

/** The order in which the text form gives each fault's arguments. */
const argumentNames: Record<Fault['kind'], readonly string[]> = {
  outage: [],
  'api-disabled': [],
  'rate-limited': ['retryAfterSeconds'],
  'revoked-key': [],
  refuse: ['status', 'code', 'requestId'],
  page: ['status'],
  'odd-reset': ['reset', 'remaining', 'limit'],
  'drop-before-accept': [],
  'gateway-before-accept': [],
  'error-before-accept': [],
  'reference-refused': [],
  'lose-answer-after-accept': [],
  'gateway-after-accept': [],
  'error-after-accept': [],
  'status-after-accept': ['status', 'body'],
  'late-answer': ['delayMs'],
  'drop-read': [],
  'gateway-read': [],
  'error-read': [],
  'late-read': ['delayMs'],
  'early-404': ['forMs'],
  'task-fails': ['code', 'charge', 'error'],
  'never-ends': [],
  'null-result': [],
  'empty-urls': [],
  'many-urls': ['count'],
  'empty-answer': [],
  'extra-fields': [],
  'unknown-status': ['word', 'forMs'],
  'final-credits': ['factor'],
  'expire-first-url': [],
  'late-urls': ['forMs'],
  'late-files': ['forMs', 'status'],
  'download-status': ['status', 'retryAfterSeconds'],
  'download-truncated': [],
  'download-wrong-type': ['what', 'declared'],
  'download-encoding': ['token'],
  'download-silent': ['from'],
  'download-empty': [],
  'download-redirect': ['to'],
  'download-huge': ['bytes', 'length'],
  'download-bad-picture': ['what'],
  'download-slow': ['bytesPerSecond'],
};

export const faultNames = Object.keys(argumentNames);

/** How each is written, with its arguments: for the help. */
export const faultForms = Object.entries(argumentNames).map(([name, names]) =>
  names.length === 0 ? name : `${name}[=${names.join('/')}]`,
);

/**
 * Reads one fault rule from text, for flags and for the control endpoint:
 * `NAME[=ARGUMENT[/ARGUMENT...]][:PROBABILITY][:COUNTx][:endpoint=NAME][:model=ID][:prompt=TEXT]`,
 * such as `lose-answer-after-accept:0.05` or `task-fails=nsfw/kept:3x:prompt=cat`.
 *
 * docs/simulator.md says what each does.
 *
 * @throws BatchError `usage` naming the faulty text.
 */
export function parseFault(text: string): FaultRule {
  const [head = '', ...conditions] = text.split(':');
  const [name = '', argumentText] = head.split(/=(.*)/s);
  const names = argumentNames[name as Fault['kind']];
  if (!names)
    throw unreadable(text, `no fault is called "${name}"; there are ${faultNames.join(', ')}`);
  const values = argumentText === undefined ? [] : argumentText.split('/');
  if (values.length > names.length) {
    throw unreadable(text, `"${name}" takes ${names.length} arguments (${names.join('/')})`);
  }
  const fault = Object.fromEntries(values.map((value, index) => [names[index], literal(value)]));
  const rule = { fault: { kind: name, ...fault }, ...readConditions(text, conditions) };
  const parsed = faultRuleSchema.safeParse(rule);
  if (!parsed.success) throw unreadable(text, z.prettifyError(parsed.error));
  return parsed.data;
}

function readConditions(text: string, conditions: string[]) {
  const rule: Record<string, unknown> = {};
  const when: Record<string, string> = {};
  for (const condition of conditions) {
    const [, word, value] = /^(endpoint|model|prompt)=(.*)$/s.exec(condition) ?? [];
    if (word !== undefined && value !== undefined) {
      when[word === 'prompt' ? 'promptContains' : word] = value;
    } else if (/^\d+x$/.test(condition)) rule.times = Number(condition.slice(0, -1));
    else if (/^\d*\.?\d+$/.test(condition)) rule.probability = Number(condition);
    else throw unreadable(text, `"${condition}" is no probability, count ("3x") or condition`);
  }
  return Object.keys(when).length > 0 ? { ...rule, when } : rule;
}

function literal(value: string): string | number {
  return /^\d*\.?\d+$/.test(value) ? Number(value) : value;
}

function unreadable(text: string, reason: string): BatchError {
  return new BatchError('usage', `Fault "${text}" cannot be read: ${reason}`);
}
