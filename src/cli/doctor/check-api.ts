import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { RivyaClient } from '../../rivya/client.js';
import { judgeKey } from '../../rivya/judge-key.js';
import type { ReadCreditsOutcome } from '../../rivya/outcome.js';
import { formatCredits } from '../../shared/quantities.js';
import type { Settings } from '../environment.js';
import { openClient } from '../session.js';
import { checkClock } from './check-clock.js';
import type { Finding } from './finding.js';

const subject = 'Rivya API';

/** Asks nothing that could cost anything. */
export async function checkApi(settings: Settings): Promise<Finding[]> {
  if (!settings.apiKey) {
    const text = 'RIVYA_API_KEY is not set: create a key in Rivya under Settings';
    return [{ subject, level: 'error', text }];
  }
  const client = openClient(settings);
  try {
    const credits = await client.readCredits();
    const findings = [judgeCredits(settings.origin, credits)];
    if (judgeKey(credits).kind !== 'works') return findings;
    findings.push(
      await checkReading(client),
      await checkSubmitting(client),
      await checkUploading(client),
    );
    if (credits.kind === 'read' && credits.clockAheadMs !== null)
      findings.push(checkClock('the API', credits.clockAheadMs));
    return findings;
  } finally {
    await client.close();
  }
}

function judgeCredits(origin: string, outcome: ReadCreditsOutcome): Finding {
  switch (outcome.kind) {
    case 'read': {
      const text = `${origin} takes the key; ${formatCredits(outcome.currentCredits)} left`;
      return outcome.currentCredits > 0
        ? { subject, level: 'ok', text }
        : { subject, level: 'warning', text: `${text}: buy credits before a run` };
    }
    case 'refused': {
      const { code, message } = outcome.refusal;
      return { subject, level: 'error', text: `${origin} refuses: ${code}. ${message}` };
    }
    case 'unknown':
    case 'unreachable':
      return { subject, level: 'error', text: `${origin} gave no answer: ${outcome.reason}` };
    default:
      return outcome satisfies never;
  }
}

/** A task that cannot exist: whoever may read is told that there is none. */
async function checkReading(client: RivyaClient): Promise<Finding> {
  const outcome = await client.readTask(`doctor-${randomUUID()}`);
  return judgeScope('generations:read', outcome);
}

/** No JSON, so no API can make a task of it: whoever may submit is told that it is invalid. */
async function checkSubmitting(client: RivyaClient): Promise<Finding> {
  const outcome = await client.submit({ idempotencyKey: `doctor-${randomUUID()}`, body: '?' });
  return judgeScope('generations:create', outcome);
}

/** A byte of no kind that any model takes: whoever may upload is told so. Only briefs with files need it. */
async function checkUploading(client: RivyaClient): Promise<Finding> {
  const outcome = await client.uploadFile({
    content: Readable.from([Buffer.from('?')]),
    bytes: 1,
    name: 'doctor',
    mediaType: 'doctor/none',
    model: 'doctor',
    clientRequestId: `doctor-${randomUUID()}`,
  });
  const finding = judgeScope('files:create', outcome);
  if (finding.level !== 'error') return finding;
  const text = `${finding.text} before a run with references to files; no other needs it`;
  return { ...finding, level: 'warning', text };
}

type Answered = Awaited<
  ReturnType<RivyaClient['submit'] | RivyaClient['readTask'] | RivyaClient['uploadFile']>
>;

function judgeScope(scope: string, outcome: Answered): Finding {
  const subject = 'Scope';
  if (outcome.kind === 'uploaded') return { subject, level: 'ok', text: `the key has ${scope}` };
  if (outcome.kind === 'refused') {
    const { kind, code, message } = outcome.refusal;
    if (kind === 'key_refused') {
      const text = `${scope} is missing (${code}): ${message} Create a key that has it`;
      return { subject, level: 'error', text };
    }
    if (kind === 'not_found' || kind === 'invalid') {
      return { subject, level: 'ok', text: `the key has ${scope}` };
    }
  }
  const said = outcome.kind === 'refused' ? outcome.refusal.code : outcome.kind;
  const text = `whether the key has ${scope} could not be seen (${said}): try again`;
  return { subject, level: 'warning', text };
}
