import type { BriefState } from '../../shared/ledger/brief-state.js';
import type { ManifestLine } from '../../shared/manifest-line.js';
import { counted, formatCredits, formatDuration } from '../../shared/quantities.js';
import type { Story } from './read-story.js';

/** One thing that happened to a brief. */
export interface StoryEvent {
  /** In ms since the epoch. */
  atMs: number;
  what: string;
  detail: string;
}

/** What happened to a brief so far, in order: a sentence that can be read from top to bottom. */
export function storyEvents(story: Story): StoryEvent[] {
  const { state, line } = story;
  const events = line === null ? eventsOfState(state) : eventsOfLine(line, story.files.length);
  for (const past of story.earlier) events.push(...eventsOfEarlier(past));
  for (const { attempt, sentAt, credits } of story.sends) {
    const held = credits === undefined ? '' : `, with ${formatCredits(credits)} reserved`;
    events.push({ atMs: sentAt, what: 'Sent', detail: `attempt ${attempt}${held}` });
  }
  return events.sort((left, right) => left.atMs - right.atMs);
}

function eventsOfState(state: BriefState): StoryEvent[] {
  if (state.stage === 'lined') return [];
  const events = [{ atMs: state.admittedAt, what: 'Admitted', detail: `as brief ${state.seq}` }];
  switch (state.stage) {
    case 'admitted':
      return events;
    case 'submitting':
      return [
        ...events,
        { atMs: state.firstSentAt, what: 'First sent', detail: counted(state.sends, 'submission') },
      ];
    case 'accepted':
      return [...events, accepted(state)];
    case 'ready': {
      const { completedAt, final } = state;
      const detail =
        final === null ? 'what it cost is not stated' : `${formatCredits(final)} charged`;
      return [...events, accepted(state), { atMs: completedAt, what: 'Task over', detail }];
    }
    default:
      return state satisfies never;
  }
}

function accepted(state: Extract<BriefState, { stage: 'accepted' | 'ready' }>): StoryEvent {
  const checks = state.checks === 0 ? 'not looked at yet' : `looked at ${times(state.checks)}`;
  return {
    atMs: state.submittedAt,
    what: 'Accepted',
    detail: `as task ${state.taskId} after ${counted(state.sends, 'submission')}; ${checks}`,
  };
}

function eventsOfLine(line: ManifestLine, files: number): StoryEvent[] {
  const { times: at, credits, requests, task_id } = line;
  const events: (StoryEvent | null)[] = [
    event(at.admitted, 'Admitted', `as brief ${line.seq}`),
    event(
      at.submitted,
      task_id === null ? 'First sent' : 'Accepted',
      `${task_id === null ? '' : `as task ${task_id} after `}${counted(requests.submits, 'submission')}`,
    ),
    event(
      at.completed,
      'Task over',
      `${took(at.submitted, at.completed)}looked at ${times(requests.status_checks)}; ${credits.final === null ? 'what it cost is not stated' : `${formatCredits(credits.final)} charged`}`,
    ),
    event(at.collected, 'Collected', counted(files, 'file')),
  ];
  return events.filter((found) => found !== null);
}

function eventsOfEarlier({ times: at, status, attempt, error }: ManifestLine): StoryEvent[] {
  const ended = at.collected ?? at.completed ?? at.submitted ?? at.admitted;
  const detail = `attempt ${attempt}: ${status}${error ? `, ${error.code}` : ''}; its line is in history.jsonl`;
  const found = event(ended, 'An earlier life ended', detail);
  return found ? [found] : [];
}

function event(at: string | null, what: string, detail: string): StoryEvent | null {
  const atMs = at === null ? Number.NaN : Date.parse(at);
  return Number.isNaN(atMs) ? null : { atMs, what, detail };
}

function took(from: string | null, to: string | null): string {
  if (from === null || to === null) return '';
  return `${formatDuration(Date.parse(to) - Date.parse(from))} after its acceptance; `;
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}
