import type { EmbeddedHead } from '../../src/review/page/embedded-head.js';
import type { ReviewBrief } from '../../src/review/review-brief.js';

/** What stands in a contact sheet, read as a browser would find it: by its elements, whatever is in them. */
export function readSheet(html: string): { head: EmbeddedHead; briefs: ReviewBrief[] } {
  const blocks = [...html.matchAll(/<script type="application\/json" (\S+?)>(.*?)<\/script/gs)];
  const texts = (mark: string) =>
    blocks.flatMap(([, attribute, text = '']) => (attribute === mark ? [text] : []));
  const [head = ''] = texts('id="review-head"');
  return {
    head: JSON.parse(head) as EmbeddedHead,
    briefs: texts('class="review-briefs"').flatMap((text) => JSON.parse(text) as ReviewBrief[]),
  };
}
