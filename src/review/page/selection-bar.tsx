import { useState } from 'preact/hooks';
import { counted, formatCredits, grouped } from '../../shared/quantities.js';
import type { ReviewBrief } from '../review-brief.js';
import { expectedCredits, isDecidable, type Saying } from './desk.js';
import { Icon } from './icons.js';
import { verdictOrder, verdictWords } from './words.js';

/** What is done with all that are selected. */
export function SelectionBar({
  selected,
  all,
  selectAll,
  clear,
  say,
}: {
  selected: ReadonlySet<ReviewBrief>;
  all: readonly ReviewBrief[];
  selectAll(): void;
  clear(): void;
  say(saying: Saying): void;
}) {
  const [note, setNote] = useState('');
  const credits = [...selected].reduce((sum, brief) => sum + (expectedCredits(brief) ?? 0), 0);
  const possible = all.filter(isDecidable).length;
  const said = note.trim() === '' ? null : note;
  return (
    <section class="selection" aria-label="Selected briefs">
      <div class="selection-count">
        <strong>{`${grouped(selected.size)} selected`}</strong>
        {selected.size < possible && (
          <button type="button" class="link" onClick={selectAll}>
            {`Select all ${grouped(possible)}`}
          </button>
        )}
      </div>
      <input
        class="selection-note"
        type="text"
        placeholder="Note for all of them"
        aria-label="Note for all of them"
        value={note}
        onInput={({ currentTarget }) => setNote(currentTarget.value)}
      />
      <fieldset class="selection-verdicts" aria-label="Decision">
        {verdictOrder.map((one) => (
          <button
            key={one}
            type="button"
            class={`verdict verdict-${one}`}
            title={
              one === 'again'
                ? `About ${formatCredits(credits)} for ${counted(selected.size, 'brief')}`
                : undefined
            }
            onClick={() => say({ decision: one, note: said, prompt: null })}
          >
            <Icon name={one} />
            <span>{verdictWords[one].verb}</span>
          </button>
        ))}
        <button
          type="button"
          class="verdict"
          title="Take back what was decided"
          onClick={() => say({ decision: 'undecided', note: null, prompt: null })}
        >
          <Icon name="undo" />
          <span>Undecided</span>
        </button>
      </fieldset>
      <button type="button" class="plain" aria-label="Select nothing" onClick={clear}>
        <Icon name="close" />
      </button>
    </section>
  );
}
