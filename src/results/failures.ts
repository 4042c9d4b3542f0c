import type { LineStatus, ManifestLine } from '../shared/manifest-line.js';

/** What a person can do about an error code of a line: one plain sentence each. */
const remedies: Readonly<Record<string, string>> = {
  insufficient_credits:
    'Buy credits, then start a new attempt for these briefs with "rivya-batch retry".',
  validation_failed:
    'The API refuses this input: compare model and params with "rivya-batch models", correct the rows, and run the same command again: it makes the changed rows, under the same ids.',
  not_found:
    'The API does not know the model or something that the brief refers to: correct the rows, and run the same command again.',
  chat_model_not_supported:
    'The API does not take this model for chats: choose another with "rivya-batch models", and run the same command again with it.',
  chat_attachment_not_supported:
    'The chat model takes no such file: choose one that takes pictures, or leave the references out, and run the same command again.',
  empty_answer:
    'The model answered with nothing: change the prompt or the effort, or let "rivya-batch retry" ask again, and you pay again.',
  answer_lost:
    'These were answered and paid, and Redis has lost what was said: "rivya-batch retry --status unknown" asks again, and you pay again.',
  generation_failed:
    'The model gave up on these: "rivya-batch retry" makes a new attempt; where it fails again, change the prompt or a reference.',
  nsfw: 'The prompt or the picture was refused as unsafe content: reword these rows, and run the same command again: it makes the changed rows, under the same ids.',
  http_403:
    'Something before the API, mostly a firewall, refused these, often for a word in the prompt: change the prompt, or try again later with "rivya-batch retry"; nothing was paid.',
  outcome_unknown:
    'It may have been paid and is not sent again by itself: look for it in your account at Rivya, then decide on "rivya-batch retry --status unknown", which may pay a second time.',
  idempotency_conflict:
    'The API has seen this key with another content, so it may have been paid: look for it in your account at Rivya, and report the request id to Rivya before a retry.',
  task_overdue:
    'Run the same command again later: it checks these tasks once more, which costs nothing.',
  task_not_found:
    'The API accepted these tasks and has lost them: give the task ids of the manifest to Rivya before you pay for a retry.',
  download_failed:
    'These are paid, and their links did not work: "rivya-batch retry" checks their tasks again, which costs nothing.',
  download_unavailable:
    'These are paid, and their files could not be fetched: run the same command again, which fetches them at no cost.',
  succeeded_no_output:
    'The API reports success without a file: "rivya-batch retry" checks their tasks again, which costs nothing; where that finds none either, give the task ids of the manifest to Rivya and ask for the credits.',
  result_url_refused:
    'The result is at an address that is not fetched for safety (not public, or not HTTPS): report the task ids to Rivya.',
  result_too_large:
    'The result is larger than what is fetched: make it shorter or smaller with params, and run the same command again.',
  asset_invalid:
    'These were made and charged, but the picture cannot be used: look at it in the folder "aside", change the prompt or the params if they are the reason, then "rivya-batch retry", which makes a new attempt, and you pay again.',
  reference_missing:
    'The file that these refer to is not where it was, or not on the machine that submits: put it back, run the same command again, then "rivya-batch retry"; nothing was paid.',
  reference_changed:
    'The file that these refer to has changed since: run the same command again to make them with the file as it is now, or put it back and "rivya-batch retry"; nothing was paid.',
  upload_failed:
    'A reference could not be uploaded: "rivya-batch retry" tries again later; nothing was paid.',
  internal_error:
    'A fault of this machine or of rivya-batch, such as a full disk: see the message, correct the cause, then "rivya-batch retry".',
  cancelled:
    'These were cancelled on request: "rivya-batch retry --status cancelled" makes them after all.',
  abandoned:
    'These were given up by "cancel --abandon": "rivya-batch retry --status cancelled" checks those that have a task id again, which costs nothing; the others may have been paid, and would be paid again.',
};

const anyOther =
  'See the message; the request id helps Rivya to find the cause. "rivya-batch retry" makes a new attempt, and you pay again.';

export function remedyFor(code: string): string {
  // Own members only: codes come from the API, and one may be called `constructor`.
  return (Object.hasOwn(remedies, code) ? remedies[code] : undefined) ?? anyOther;
}

/** Lines of one error code that did not succeed; `status --failed --json` prints it like this. */
export interface FailureGroup {
  code: string;
  count: number;
  /** How they ended; a status that none has is left out. */
  statuses: Partial<Record<LineStatus, number>>;
  /** The first of them. */
  example: { brief_id: string; message: string; request_id: string | null };
  /** What a person can do about it, in one sentence. */
  remedy: string;
}

/** The lines that did not succeed, by error code, the most frequent first. */
export async function groupFailures(lines: AsyncIterable<ManifestLine>): Promise<FailureGroup[]> {
  const groups = new Map<string, FailureGroup>();
  for await (const line of lines) {
    if (line.status === 'succeeded') continue;
    // A line without an error is one that was cancelled before anything happened.
    const code = line.error?.code ?? line.status;
    const group = groups.get(code) ?? newGroup(code, line);
    groups.set(code, group);
    group.count += 1;
    group.statuses[line.status] = (group.statuses[line.status] ?? 0) + 1;
  }
  return [...groups.values()].sort(
    (left, right) => right.count - left.count || (left.code < right.code ? -1 : 1),
  );
}

function newGroup(code: string, { brief_id, error }: ManifestLine): FailureGroup {
  const example = {
    brief_id,
    message: error?.message ?? '',
    request_id: error?.request_id ?? null,
  };
  return { code, count: 0, statuses: {}, example, remedy: remedyFor(code) };
}
