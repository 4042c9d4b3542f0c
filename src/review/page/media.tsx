import { useState } from 'preact/hooks';
import { resultKind } from '../find-briefs.js';
import type { ReviewBrief, ReviewFile } from '../review-brief.js';
import { Icon } from './icons.js';
import type { ReviewSource } from './source.js';
import { altText, beginning } from './words.js';

/** What is shown of a brief: its files, and what a chat said. */
export type Shown = Pick<ReviewBrief, 'id' | 'prompt' | 'files' | 'text'>;

/** So much of a text is seen in a small view. */
export const thumbnailText = 320;

/** A small view of a result, in a grid or a strip. Nothing of it can be focused. */
export function Thumbnail({ shown, source }: { shown: Shown; source: ReviewSource }) {
  const kind = resultKind(shown);
  const [file] = shown.files;
  if (kind === 'picture' && file !== undefined) {
    return <SmallPicture key={file.sha256} file={file} alt={altText(shown)} source={source} />;
  }
  if (kind === 'film' && file !== undefined) {
    return <SmallFilm key={file.sha256} file={file} alt={altText(shown)} source={source} />;
  }
  if (kind === 'text') {
    return <span class="thumb thumb-text">{beginning(shown.text ?? '', thumbnailText)}</span>;
  }
  return (
    <span class={`thumb thumb-none thumb-${kind}`}>
      <Icon name={kind === 'picture' || kind === 'film' ? 'file' : kind} />
    </span>
  );
}

function SmallPicture({
  file,
  alt,
  source,
}: {
  file: ReviewFile;
  alt: string;
  source: ReviewSource;
}) {
  // The small one, then the file itself, then a sign that neither can be shown.
  const [tried, setTried] = useState(file.hasThumbnail ? 0 : 1);
  if (tried > 1) {
    return (
      <span class="thumb thumb-none">
        <Icon name="none" />
        <span class="quiet">cannot be shown</span>
      </span>
    );
  }
  const address =
    tried === 0 ? source.thumbnailAddress(file.sha256) : source.fileAddress(file.path);
  return (
    <span class="thumb thumb-picture">
      <img
        src={address}
        alt={alt}
        decoding="async"
        draggable={false}
        onError={() => setTried(tried + 1)}
      />
    </span>
  );
}

function SmallFilm({ file, alt, source }: { file: ReviewFile; alt: string; source: ReviewSource }) {
  const [isBroken, setBroken] = useState(false);
  return (
    <span class="thumb thumb-film">
      {!isBroken && (
        // A moment after the beginning, which is often black.
        <video
          src={`${source.fileAddress(file.path)}#t=0.1`}
          muted
          playsInline
          preload="metadata"
          tabIndex={-1}
          aria-label={alt}
          onError={() => setBroken(true)}
        />
      )}
      <span class="thumb-badge">
        <Icon name="film" />
      </span>
    </span>
  );
}

/** A file in full, in the place where it stands. A picture alone is seen by `Stage`. */
export function FullFile({
  file,
  shown,
  source,
}: {
  file: ReviewFile;
  shown: Shown;
  source: ReviewSource;
}) {
  const address = source.fileAddress(file.path);
  const [kind] = file.mediaType.split('/');
  const name = altText(shown);
  if (kind === 'video') return <FullFilm address={address} file={file} name={name} />;
  if (kind === 'audio') {
    return (
      <div class="full-sound">
        <Icon name="sound" />
        {/* biome-ignore lint/a11y/useMediaCaption: nobody has written captions for it */}
        <audio src={address} controls preload="metadata" aria-label={name} />
      </div>
    );
  }
  if (kind === 'text' && shown.text !== null) return <FullText text={shown.text} />;
  return <FileLink address={address} file={file} />;
}

export function FullText({ text }: { text: string }) {
  return (
    // Long texts are scrolled by keys as well.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be focused
    <section class="full-text" tabIndex={0} aria-label="Text">
      {text}
    </section>
  );
}

function FileLink({ address, file }: { address: string; file: ReviewFile }) {
  return (
    <a class="button full-file" href={address} download>
      <Icon name="file" /> {file.path.split('/').at(-1)}
    </a>
  );
}

function FullFilm({ address, file, name }: { address: string; file: ReviewFile; name: string }) {
  const [isBroken, setBroken] = useState(false);
  if (isBroken) {
    return (
      <div class="stage-broken">
        <Icon name="none" />
        <strong>This browser cannot play the film</strong>
        <FileLink address={address} file={file} />
      </div>
    );
  }
  return (
    // biome-ignore lint/a11y/useMediaCaption: nobody has written captions for it
    <video
      class="full-film"
      src={address}
      controls
      playsInline
      loop
      preload="metadata"
      aria-label={name}
      onError={() => setBroken(true)}
    />
  );
}
