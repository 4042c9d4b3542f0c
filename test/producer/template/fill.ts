import type { RowFault } from '../../../src/producer/rejection.js';
import { readJsonRow } from '../../../src/producer/sources/read-json.js';
import {
  type HtmlRule,
  parseTemplate,
  renderTemplate,
} from '../../../src/producer/template/template.js';
import { BatchError } from '../../../src/shared/errors.js';
import type { JsonObject } from '../../../src/shared/json.js';

export interface Filled {
  text: string | null;
  faults: RowFault[];
}

/** Fills a template from one JSON item. */
export function fill(template: string, item: JsonObject, html: HtmlRule = 'keep'): Filled {
  const faults: RowFault[] = [];
  const row = readJsonRow(item, 1);
  if (row.kind === 'unreadable') throw new Error('not a row');
  const text = renderTemplate(parseTemplate(template, '--prompt', html), row, faults);
  return { text, faults };
}

/** The sentence that a template is refused with. */
export function refusalOf(template: string): string {
  try {
    parseTemplate(template, '--prompt');
  } catch (error) {
    if (error instanceof BatchError && error.code === 'bad_input') return error.message;
    throw error;
  }
  throw new Error('the template was taken');
}
