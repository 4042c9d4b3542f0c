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
 * | name | arguments (default) | what happens |
 * |---|---|---|
 * | `outage` | | any endpoint of the API: the connection is destroyed at once |
 * | `api-disabled` | | any: 503 `public_api_disabled` |
 * | `rate-limited` | retryAfterSeconds (no header) | any: 429 `rate_limited` |
 * | `revoked-key` | | any that needs a key: 401 `api_key_revoked` |
 * | `refuse` | status (418), code (`never_seen_before`), `present` or `absent` requestId | any: that error |
 * | `page` | status (403) | any: an HTML page without an error code, as a firewall or gateway answers; `page=403:endpoint=submit:prompt=TEXT` is a poisoned prompt |
 * | `odd-reset` | reset (30000), remaining (0), limit (no header) | any: served, with these `X-RateLimit-*` headers |
 * | `drop-before-accept`, `gateway-before-accept`, `error-before-accept` | | submit: connection cut, 502 page, 500 JSON; nothing made |
 * | `reference-refused` | | submit: 400 `validation_failed`, as for an upload that is gone |
 * | `lose-answer-after-accept`, `gateway-after-accept`, `error-after-accept` | | submit: task made and charged, then connection cut, 502 page, 500 JSON |
 * | `status-after-accept` | status (303), `page` or `error` with a code nobody knows | submit: task made and charged, then that status |
 * | `late-answer` | delayMs (60000) | submit: accepted, answered late |
 * | `drop-read`, `gateway-read`, `error-read` | | read of a task: connection cut, 502 page, 500 JSON |
 * | `late-read` | delayMs (60000) | read of a task: answered late |
 * | `early-404` | forMs (3000) | the task is `not_found` for its first moments |
 * | `task-fails` | code (`generation_failed`), `refunded` or `kept`, `present` or `absent` error object | the task fails |
 * | `never-ends` | | the task stays in `processing` |
 * | `null-result`, `empty-urls` | | the task succeeds with nothing to download |
 * | `many-urls` | count (3) | the task succeeds with so many files |
 * | `extra-fields` | | the task's answers have fields nobody has heard of |
 * | `unknown-status` | word (`moderating`), forMs (3000) | the task starts with a status nobody has heard of |
 * | `final-credits` | factor (2) | final_credits = reserved x factor |
 * | `expire-first-url` | | the links of the first read that shows them are dead; a re-read gives good ones |
 * | `late-urls` | forMs (3000) | the task succeeds, and says where its files are only so long after its end |
 * | `late-files` | forMs (3000), status (404) | the links answer with that status until so long after the task's end |
 * | `download-status` | status (403), retryAfterSeconds (no header) | download: that status, the link stays good |
 * | `download-truncated` | | download: cut after half of what was announced |
 * | `download-wrong-type` | `html`, `json`, `xml`, `text`, `pdf`, `sound` or `svg` (`html`), declared `truly` or `as-media` (`truly`) | download: that with status 200 |
 * | `download-encoding` | Content-Encoding (`gzip`) | download: with that header, and really so for gzip, deflate and br |
 * | `download-silent` | from `headers` or `body` (`headers`) | download: the connection is taken, and then nothing comes |
 * | `download-empty` | | download: 200 without a byte |
 * | `download-redirect` | `http` or `private` (`private`) | download: 302 to a plain-HTTP or a private address |
 * | `download-huge` | bytes (8e9), `announced` or `unannounced` | download: a PNG header, then zeros |
 * | `download-slow` | bytesPerSecond (100) | download: trickles |
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
