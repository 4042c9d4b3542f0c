import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Verdict } from '../../ledger/result-ledger.js';
import { formatCredits } from '../../shared/quantities.js';
import type { ReviewBrief, ReviewDecision } from '../review-brief.js';
import { expectedCredits, isDecidable, type Saying } from './desk.js';
import { Icon } from './icons.js';
import { timeText, verdictOrder, verdictWords } from './words.js';

export interface Sayer {
  /** What is said of the open brief. `goOn`: the next one is wanted then. */
  say(brief: ReviewBrief, saying: Saying, goOn: boolean): void;
  /** A note that is written before anything is decided, by brief: keys say it too. */
  notes: Map<string, string>;
}

function written(text: string): string | null {
  return text.trim() === '' ? null : text;
}

/** Where a person says what is to become of a result. What is written is said when the field is left. */
export function VerdictPanel({
  brief,
  canDecide,
  decision,
  sayer,
}: {
  brief: ReviewBrief;
  canDecide: boolean;
  decision: ReviewDecision | null;
  sayer: Sayer;
}) {
  const writtenNote = () => decision?.note ?? sayer.notes.get(brief.id) ?? '';
  const [note, setNote] = useState(writtenNote);
  const [prompt, setPrompt] = useState(decision?.prompt ?? brief.prompt ?? '');
  const noteField = useRef<HTMLTextAreaElement>(null);
  const promptField = useRef<HTMLTextAreaElement>(null);
  const verdict = decision?.decision ?? null;

  /** What the fields had when they were last in step with what is decided: other text is still to be said. */
  const inStep = useRef({ note, prompt });

  // Said by somebody else, or taken back. At once, so that what is typed meanwhile is not lost.
  useLayoutEffect(() => {
    const said = { note: writtenNote(), prompt: decision?.prompt ?? brief.prompt ?? '' };
    if (note === inStep.current.note) setNote(said.note);
    if (prompt === inStep.current.prompt) setPrompt(said.prompt);
    inStep.current = said;
  }, [decision]);

  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const { target, ctrlKey, metaKey, altKey, key } = event;
      if (ctrlKey || metaKey || altKey) return;
      if (target instanceof HTMLElement && target.matches('textarea, input, select')) return;
      const field = key === 'm' ? noteField : key === 'e' ? promptField : null;
      if (field?.current == null) return;
      event.preventDefault();
      field.current.focus();
      if (key === 'e') field.current.setSelectionRange(0, 0);
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  });

  if (!isDecidable(brief) || !canDecide) {
    return (
      <div class="verdict-panel">
        {decision !== null && (
          <p class={`said-already verdict-${decision.decision}`}>
            <Icon name={decision.decision} />
            <strong>{verdictWords[decision.decision].done}</strong>
            <span class="quiet">{timeText(decision.at)}</span>
          </p>
        )}
        {decision?.note != null && <p class="prose">{decision.note}</p>}
        <p class="quiet">
          {isDecidable(brief) ? 'Decisions are not taken here.' : 'There is no file to decide on.'}
        </p>
      </div>
    );
  }
  const changedPrompt = () => {
    const text = written(prompt);
    return text === brief.prompt ? null : text;
  };
  const saying = (one: Verdict): Saying => ({
    decision: one,
    note: written(note),
    prompt: one === 'again' ? changedPrompt() : null,
  });
  const leave = () => {
    if (verdict !== null) sayer.say(brief, saying(verdict), false);
  };
  const leaveField = (event: KeyboardEvent) => {
    if (event.key === 'Escape' || (event.key === 'Enter' && (event.ctrlKey || event.metaKey))) {
      event.preventDefault();
      event.stopPropagation();
      (event.currentTarget as HTMLElement).closest('dialog')?.focus();
      (event.currentTarget as HTMLElement).blur();
    }
  };
  const price = expectedCredits(brief);
  return (
    <div class="verdict-panel">
      <fieldset class="verdicts" aria-label="Decision">
        {verdictOrder.map((one) => (
          <button
            key={one}
            type="button"
            class={`verdict verdict-${one}`}
            aria-pressed={verdict === one}
            aria-keyshortcuts={verdictWords[one].key}
            onClick={() =>
              verdict === one
                ? sayer.say(brief, { decision: 'undecided', note: null, prompt: null }, false)
                : sayer.say(brief, saying(one), one !== 'again')
            }
          >
            <Icon name={one} />
            <span>{verdictWords[one].verb}</span>
            <kbd>{verdictWords[one].key}</kbd>
          </button>
        ))}
      </fieldset>
      <label class="field">
        <span>
          Note <kbd>M</kbd>
        </span>
        <textarea
          ref={noteField}
          rows={1}
          value={note}
          placeholder="What should others know?"
          onInput={({ currentTarget }) => {
            setNote(currentTarget.value);
            sayer.notes.set(brief.id, currentTarget.value);
          }}
          onBlur={leave}
          onKeyDown={leaveField}
        />
      </label>
      {verdict === 'again' && brief.prompt !== null && (
        <label class="field">
          <span>
            Prompt of the next attempt <kbd>E</kbd>
          </span>
          <textarea
            ref={promptField}
            rows={4}
            value={prompt}
            onInput={({ currentTarget }) => setPrompt(currentTarget.value)}
            onBlur={leave}
            onKeyDown={leaveField}
          />
        </label>
      )}
      {verdict === 'again' && (
        <p class="price">
          <span>
            {price === null
              ? 'Nobody knows yet what it will cost.'
              : `Cost ${formatCredits(price)} before; expect about the same.`}
          </span>
          {changedPrompt() === null ? (
            brief.prompt !== null && <span class="quiet">Same prompt</span>
          ) : (
            <button
              type="button"
              class="link"
              onClick={() => {
                setPrompt(brief.prompt ?? '');
                sayer.say(brief, { ...saying('again'), prompt: null }, false);
              }}
            >
              Put back
            </button>
          )}
        </p>
      )}
      {decision !== null && <p class="quiet said">{`Said ${timeText(decision.at)}`}</p>}
    </div>
  );
}
