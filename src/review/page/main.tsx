import { render } from 'preact';
import { queryParams } from '../find-briefs.js';
import { readAddress } from './address.js';
import { App } from './app.js';
import { embeddedSource, readEmbeddedHead } from './embedded-source.js';
import { servedSource } from './served-source.js';
import type { ReviewSource } from './source.js';

const head = readEmbeddedHead();
const place = document.getElementById('page');
if (place !== null) void open(head === null ? servedSource() : embeddedSource(head), place);

async function open(source: ReviewSource, place: HTMLElement): Promise<void> {
  const { page, query } = readAddress(location.hash);
  try {
    let first = await source.load(page, new URLSearchParams());
    // Only a batch of many pages is searched where it comes from.
    if (source.kind === 'served' && first.pages > 1) {
      first = await source.load(page, queryParams(query));
    }
    render(<App source={source} first={first} />, place);
  } catch (error) {
    render(<p class="empty">{`The briefs could not be loaded: ${String(error)}`}</p>, place);
  }
}
