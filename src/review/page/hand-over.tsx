import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { counted, grouped, shellWord } from '../../shared/quantities.js';
import { Command } from './command.js';
import type { DeskCounts } from './desk.js';
import { Icon } from './icons.js';
import { againPrice } from './words.js';

/** A dialog over the page, with a title and a way out. */
function Sheet({
  title,
  close,
  children,
}: {
  title: string;
  close(): void;
  children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    if (dialog.current?.open === false) dialog.current.showModal();
  }, []);
  return (
    <dialog
      ref={dialog}
      class="sheet"
      aria-label={title}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
      onClick={(event) => {
        if (event.target === event.currentTarget) close();
      }}
      onKeyDown={(event) => event.stopPropagation()}
    >
      <div class="sheet-inner">
        <header>
          <h2>{title}</h2>
          <button type="button" class="plain" aria-label="Close" onClick={close}>
            <Icon name="close" />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}

/** What a person does when all is decided: the page itself pays nothing and moves no file. */
export function HandOver({
  counts,
  folder,
  batch,
  save,
  close,
}: {
  counts: DeskCounts;
  folder: string;
  batch: string;
  /** Null where decisions are in the folder already. */
  save: (() => void) | null;
  close(): void;
}) {
  const program = `npx rivya-batch review ${shellWord(folder)}`;
  return (
    <Sheet title="Hand over" close={close}>
      <dl class="tally">
        {(['approved', 'again', 'rejected', 'undecided'] as const).map((verdict) => (
          <div key={verdict} data-verdict={verdict}>
            <dd>{grouped(counts[verdict])}</dd>
            <dt>{verdict}</dt>
          </div>
        ))}
      </dl>
      <ol class="hand-over">
        {save !== null && (
          <li>
            <h3>Save what you decided</h3>
            <p>It is kept in this browser alone until then.</p>
            <button type="button" class="primary" onClick={save}>
              Save decisions.jsonl
            </button>
          </li>
        )}
        {save !== null && (
          <li>
            <h3>Take it over into the folder</h3>
            <Command text={`${program} --take decisions.jsonl`} />
          </li>
        )}
        <li>
          <h3>Apply it</h3>
          <p>
            {`Puts ${counted(counts.approved, 'approved result')} into the folder approved/, and opens ${counted(counts.again, 'brief')} to be made again (${againPrice(counts)}). It tells the price and asks before.`}
          </p>
          <Command text={`${program} --apply`} />
        </li>
        {counts.again > 0 && (
          <li>
            <h3>Make again</h3>
            <p>The batch’s own command goes on, with the changed prompts.</p>
            <Command text={`npx rivya-batch continue ${shellWord(batch)}`} />
          </li>
        )}
      </ol>
    </Sheet>
  );
}

const keys: readonly (readonly [string, string])[] = [
  ['← → ↑ ↓', 'go from brief to brief'],
  ['Enter', 'open the brief; Esc closes it'],
  ['A', 'approve, and go on'],
  ['R', 'reject, and go on'],
  ['G', 'make again'],
  ['U', 'undo the last decision'],
  ['M', 'write a note (open brief)'],
  ['E', 'change the prompt of an “again” (open brief)'],
  ['N', 'next undecided'],
  ['X', 'select; with Shift and a click, up to there'],
  ['Ctrl A', 'select all that are found'],
  ['C', 'compare: alone, reference, variants, before'],
  ['Z  +  −', 'closer and back; the wheel does it too'],
  ['/', 'search'],
  ['?', 'this list'],
];

export function KeysHelp({ close }: { close(): void }) {
  return (
    <Sheet title="Keys" close={close}>
      <dl class="keys">
        {keys.map(([key, does]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </Sheet>
  );
}
