import { useState } from 'preact/hooks';
import { Icon } from './icons.js';

/** A command to be typed elsewhere, with a button that takes it along. */
export function Command({ text }: { text: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      setTimeout(() => setCopied(false), 1_600);
    } catch {
      // Not allowed here: it can be chosen and copied by hand.
      setCopied(false);
    }
  };
  return (
    <div class="command">
      <code>{text}</code>
      <button type="button" class="small" onClick={copy}>
        <Icon name={copied ? 'approved' : 'copy'} />
        <span aria-live="polite">{copied ? 'Copied' : 'Copy'}</span>
      </button>
    </div>
  );
}
