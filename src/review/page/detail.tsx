import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { JsonObject } from '../../shared/json.js';
import { creditsNumber, formatBytes, formatCredits } from '../../shared/quantities.js';
import { cellText, resultKind } from '../find-briefs.js';
import type { EarlierAttempt, ReviewBrief, ReviewFile, ReviewReference } from '../review-brief.js';
import { type Desk, stepsAround, variantsOf } from './desk.js';
import { Icon } from './icons.js';
import { FullFile, FullText, type Shown, Thumbnail } from './media.js';
import type { ReviewSource } from './source.js';
import { Stage, wholePicture, type Zoom, zoomBy } from './stage.js';
import type { Sayer } from './verdict-panel.js';
import { VerdictPanel } from './verdict-panel.js';
import { altText, timeText, tookText, valueText, verdictWords } from './words.js';

/** What stands beside the result. */
const sides = ['alone', 'reference', 'variants', 'before'] as const;
export type Side = (typeof sides)[number];

const sideNames: Readonly<Record<Side, string>> = {
  alone: 'Alone',
  reference: 'Reference',
  variants: 'Variants',
  before: 'Before',
};

/** Which comparisons a brief has. */
function sidesOf(brief: ReviewBrief, desk: Desk): Side[] {
  const found: Side[] = ['alone'];
  if (brief.references.length > 0) found.push('reference');
  if (variantsOf(brief, desk.rowOf(brief)).length > 1) found.push('variants');
  if (brief.earlier.some(({ files, text }) => files.length > 0 || text !== null)) {
    found.push('before');
  }
  return found;
}

export interface DetailActions extends Sayer {
  close(): void;
  /** To a brief of the list, by so many places. */
  move(by: number): void;
  show(brief: ReviewBrief): void;
}

/** One brief, whole: its result beside what it came from, what is known of it, and what is to become of it. */
export function Detail({
  brief,
  canDecide,
  desk,
  source,
  place,
  side,
  setSide,
  actions,
  children,
}: {
  brief: ReviewBrief;
  canDecide: boolean;
  desk: Desk;
  source: ReviewSource;
  /** Of the list, from 0; null for a brief that the list has not. */
  place: { position: number; count: number } | null;
  side: Side;
  setSide(side: Side): void;
  actions: DetailActions;
  children?: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [zoom, setZoom] = useState<Zoom>(wholePicture);
  const possible = sidesOf(brief, desk);
  const shownSide = possible.includes(side) ? side : 'alone';

  useLayoutEffect(() => {
    if (dialog.current?.open === false) dialog.current.showModal();
  }, []);
  useLayoutEffect(() => setZoom(wholePicture), [brief]);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.defaultPrevented || isTyping(event)) return;
      if (event.key === 'c') {
        setSide(possible[(possible.indexOf(shownSide) + 1) % possible.length] ?? 'alone');
      } else if (event.key === 'z') {
        setZoom((now) => (now.scale > 1 ? wholePicture : zoomBy(now, 3)));
      } else if (event.key === '+' || event.key === '=') setZoom((now) => zoomBy(now, 1.5));
      else if (event.key === '-') setZoom((now) => zoomBy(now, 1 / 1.5));
      else return;
      event.preventDefault();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  });

  const steps = stepsAround(brief, desk.rowOf(brief));
  return (
    <dialog
      ref={dialog}
      class="detail"
      aria-label={brief.id}
      onCancel={(event) => {
        event.preventDefault();
        actions.close();
      }}
    >
      <header class="detail-head">
        <button
          type="button"
          class="plain"
          aria-label="Close"
          title="Close (Esc)"
          onClick={actions.close}
        >
          <Icon name="close" />
        </button>
        <h2 title={brief.id}>{brief.id}</h2>
        {possible.length > 1 && (
          <fieldset class="segments" aria-label="Beside it">
            {possible.map((one) => (
              <button
                key={one}
                type="button"
                aria-pressed={one === shownSide}
                onClick={() => setSide(one)}
              >
                {sideNames[one]}
              </button>
            ))}
          </fieldset>
        )}
        <nav class="detail-moves" aria-label="Briefs of the list">
          <button
            type="button"
            class="plain"
            aria-label="Previous brief"
            title="Previous (←)"
            disabled={place === null || place.position === 0}
            onClick={() => actions.move(-1)}
          >
            <Icon name="left" />
          </button>
          <span class="detail-place">
            {place === null
              ? 'not in the list'
              : `${creditsNumber(place.position + 1)} of ${creditsNumber(place.count)}`}
          </span>
          <button
            type="button"
            class="plain"
            aria-label="Next brief"
            title="Next (→)"
            disabled={place === null || place.position + 1 >= place.count}
            onClick={() => actions.move(1)}
          >
            <Icon name="right" />
          </button>
        </nav>
      </header>
      <div class="detail-body">
        <div class="detail-seen">
          <div class="panes" data-side={shownSide}>
            <Panes
              brief={brief}
              side={shownSide}
              desk={desk}
              source={source}
              zoom={zoom}
              setZoom={setZoom}
              show={actions.show}
            />
          </div>
          {steps.length > 1 && (
            <Steps steps={steps} brief={brief} source={source} show={actions.show} />
          )}
        </div>
        <aside class="detail-side" aria-label="About this brief">
          <VerdictPanel
            key={brief.id}
            brief={brief}
            canDecide={canDecide}
            decision={brief.decision}
            sayer={actions}
          />
          <Facts brief={brief} desk={desk} source={source} show={actions.show} />
        </aside>
      </div>
      {children}
    </dialog>
  );
}

/** Whether a key is not for the page: it is part of a shortcut of the browser, or written into a field. */
export function isTyping(event: KeyboardEvent): boolean {
  return event.ctrlKey || event.metaKey || event.altKey || isInField(event);
}

export function isInField({ target }: KeyboardEvent): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return target.type !== 'checkbox';
  return target.matches('textarea, select, video, audio');
}

interface PanesProps {
  brief: ReviewBrief;
  side: Side;
  desk: Desk;
  source: ReviewSource;
  zoom: Zoom;
  setZoom(change: (zoom: Zoom) => Zoom): void;
  show(brief: ReviewBrief): void;
}

function Panes({ brief, side, desk, source, zoom, setZoom, show }: PanesProps) {
  const full = (shown: Shown) => (
    <Result shown={shown} source={source} zoom={zoom} setZoom={setZoom} brief={brief} />
  );
  switch (side) {
    case 'alone':
      return <Pane>{full(brief)}</Pane>;
    case 'reference':
      return (
        <>
          {brief.references.map((reference, index) => (
            <Pane key={`reference ${index}`} caption={`Reference: ${reference.label}`}>
              <ReferencePicture reference={reference} desk={desk} source={source}>
                {full}
              </ReferencePicture>
            </Pane>
          ))}
          <Pane key="result" caption="Result">
            {full(brief)}
          </Pane>
        </>
      );
    case 'variants':
      return (
        <>
          {variantsOf(brief, desk.rowOf(brief)).map((variant) => (
            <Pane
              key={variant.id}
              caption={variant.id}
              isCurrent={variant === brief}
              verdict={variant.decision?.decision ?? null}
              choose={variant === brief ? null : () => show(variant)}
            >
              {full(variant)}
            </Pane>
          ))}
        </>
      );
    case 'before':
      return (
        <>
          {brief.earlier.map((earlier, index) => (
            <Pane key={`earlier ${index}`} caption={earlierCaption(earlier)}>
              {full({ ...earlier, id: brief.id })}
            </Pane>
          ))}
          <Pane key="now" caption={`Attempt ${brief.attempt}, now`} isCurrent>
            {full(brief)}
          </Pane>
        </>
      );
    default:
      return side satisfies never;
  }
}

function earlierCaption({ attempt, decision }: EarlierAttempt): string {
  if (decision === null) return `Attempt ${attempt}`;
  const note = decision.note === null ? '' : `: “${decision.note}”`;
  return `Attempt ${attempt}, ${verdictWords[decision.decision].done.toLowerCase()}${note}`;
}

function Pane({
  caption,
  children,
  isCurrent = false,
  verdict = null,
  choose = null,
}: {
  caption?: string;
  children: ComponentChildren;
  isCurrent?: boolean;
  verdict?: keyof typeof verdictWords | null;
  choose?: (() => void) | null;
}) {
  return (
    <figure class="pane" data-current={isCurrent ? '' : undefined}>
      <div class="pane-seen">{children}</div>
      {caption !== undefined && (
        <figcaption>
          {verdict !== null && (
            <span class={`mark mark-${verdict}`}>
              <Icon name={verdict} />
            </span>
          )}
          <span class="pane-name" title={caption}>
            {caption}
          </span>
          {choose !== null && (
            <button type="button" class="small" onClick={choose}>
              Open
            </button>
          )}
        </figcaption>
      )}
    </figure>
  );
}

/** Everything that was made of a brief, in full. */
function Result({
  shown,
  source,
  zoom,
  setZoom,
  brief,
}: { shown: Shown; brief: ReviewBrief } & Pick<PanesProps, 'source' | 'zoom' | 'setZoom'>) {
  if (shown.files.length === 0) {
    if (shown.text !== null) return <FullText text={shown.text} />;
    const { error, status } = brief;
    return (
      <div class="stage-broken">
        <Icon name="none" />
        <strong>{valueText('status', status)}</strong>
        {error !== null && <span>{error.message}</span>}
      </div>
    );
  }
  return (
    <>
      {shown.files.map((file) =>
        file.mediaType.startsWith('image/') ? (
          <Stage
            key={file.path}
            address={source.fileAddress(file.path)}
            alt={altText(shown)}
            zoom={zoom}
            setZoom={setZoom}
            fallback={<CannotShow file={file} source={source} />}
          />
        ) : (
          <FullFile key={file.path} file={file} shown={shown} source={source} />
        ),
      )}
    </>
  );
}

function CannotShow({ file, source }: { file: ReviewFile; source: ReviewSource }) {
  return (
    <>
      <Icon name="none" />
      <strong>This picture cannot be shown</strong>
      <a class="button" href={source.fileAddress(file.path)} download>
        {file.path.split('/').at(-1)}
      </a>
    </>
  );
}

function ReferencePicture({
  reference,
  desk,
  source,
  children,
}: {
  reference: ReviewReference;
  desk: Desk;
  source: ReviewSource;
  children(shown: Shown): ComponentChildren;
}) {
  const maker = reference.briefId === null ? null : desk.brief(reference.briefId);
  const [isBroken, setBroken] = useState(false);
  if (maker !== null) return <>{children(maker)}</>;
  if (reference.thumbnail === null || isBroken) {
    return (
      <div class="stage-broken">
        <Icon name="file" />
        <strong>{reference.label}</strong>
        <span class="quiet">There is no picture of it here.</span>
      </div>
    );
  }
  return (
    <div class="stage">
      <img
        src={source.thumbnailAddress(reference.thumbnail)}
        alt={`Reference ${reference.label}`}
        draggable={false}
        onError={() => setBroken(true)}
      />
    </div>
  );
}

function Steps({
  steps,
  brief,
  source,
  show,
}: {
  steps: readonly ReviewBrief[];
  brief: ReviewBrief;
  source: ReviewSource;
  show(brief: ReviewBrief): void;
}) {
  return (
    <ol class="steps" aria-label="Steps of this row">
      {steps.map((step) => (
        <li key={step.id}>
          <button
            type="button"
            aria-current={step === brief ? 'step' : undefined}
            title={step.id}
            onClick={() => show(step)}
          >
            <Thumbnail shown={step} source={source} />
            <span class="step-name">
              {step.decision !== null && (
                <span class={`mark mark-${step.decision.decision}`}>
                  <Icon name={step.decision.decision} />
                </span>
              )}
              {step.output ?? step.id}
            </span>
          </button>
        </li>
      ))}
    </ol>
  );
}

function Facts({
  brief,
  desk,
  source,
  show,
}: {
  brief: ReviewBrief;
  desk: Desk;
  source: ReviewSource;
  show(brief: ReviewBrief): void;
}) {
  const { error, prompt, text, columns, params, references, files, earlier } = brief;
  const variants = variantsOf(brief, desk.rowOf(brief));
  const took = tookText(brief);
  return (
    <div class="facts">
      {error !== null && (
        <section class="trouble">
          <h3>{error.code}</h3>
          <p>{error.message}</p>
          <p>{error.remedy}</p>
        </section>
      )}
      {prompt !== null && (
        <section>
          <h3>Prompt</h3>
          <p class="prose">{prompt}</p>
        </section>
      )}
      {text !== null && resultKind(brief) !== 'text' && (
        <section>
          <h3>Text</h3>
          <p class="prose">{text}</p>
        </section>
      )}
      <section>
        <h3>Made with</h3>
        <dl>
          <Fact name="Model">{brief.model}</Fact>
          {brief.output !== null && <Fact name="Output">{brief.output}</Fact>}
          <Fact name="Credits">{chargeText(brief)}</Fact>
          {took !== null && <Fact name="Took">{took}</Fact>}
          {brief.times.completed !== null && (
            <Fact name="Made">{timeText(brief.times.completed)}</Fact>
          )}
          <Fact name="Attempt">
            {brief.attempt}
            {brief.run !== null && `, run ${brief.run}`}
          </Fact>
          {Object.entries(params).map(([key, value]) => (
            <Fact key={key} name={key}>
              {cellText(value)}
            </Fact>
          ))}
        </dl>
      </section>
      {references.length > 0 && (
        <section>
          <h3>References</h3>
          <ul class="lined">
            {references.map((reference, index) => {
              const maker = reference.briefId === null ? null : desk.brief(reference.briefId);
              return (
                <li key={index}>
                  {maker === null ? (
                    reference.label
                  ) : (
                    <button type="button" class="link" onClick={() => show(maker)}>
                      {maker.id}
                    </button>
                  )}
                </li>
              );
            })}
          </ul>
        </section>
      )}
      {variants.length > 1 && (
        <section>
          <h3>Variants of this row</h3>
          <div class="variants">
            {variants.map((variant) => (
              <button
                key={variant.id}
                type="button"
                aria-label={`Open ${variant.id}`}
                aria-current={variant === brief ? 'true' : undefined}
                onClick={() => show(variant)}
              >
                <Thumbnail shown={variant} source={source} />
              </button>
            ))}
          </div>
        </section>
      )}
      <Columns columns={columns} />
      {files.length > 0 && (
        <section>
          <h3>{files.length === 1 ? 'File' : 'Files'}</h3>
          <ul class="lined">
            {files.map((file) => (
              <li key={file.path}>
                <a href={source.fileAddress(file.path)} target="_blank" rel="noreferrer">
                  {file.path}
                </a>{' '}
                <span class="quiet">
                  {file.mediaType}, {formatBytes(file.bytes)}
                  {file.width !== undefined && `, ${file.width} × ${file.height}`}
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
      {earlier.length > 0 && (
        <section>
          <h3>Made before</h3>
          <ul class="lined">
            {earlier.map((one, index) => (
              <li key={index}>
                {earlierCaption(one)}
                {one.credits !== null && <span class="quiet"> · {formatCredits(one.credits)}</span>}
                {one.prompt !== null && one.prompt !== prompt && (
                  <p class="prose quiet">{one.prompt}</p>
                )}
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

function chargeText({ credits, reserved }: ReviewBrief): string {
  if (credits !== null) return formatCredits(credits);
  return reserved === null ? 'not known' : `${formatCredits(reserved)} reserved`;
}

function Columns({ columns }: { columns: JsonObject }) {
  const cells = Object.entries(columns).filter(([, value]) => cellText(value) !== '');
  if (cells.length === 0) return null;
  return (
    <section>
      <h3>Row</h3>
      <dl>
        {cells.map(([column, value]) => (
          <Fact key={column} name={column}>
            {cellText(value)}
          </Fact>
        ))}
      </dl>
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
