import { canonicalJson, type JsonObject, type JsonValue } from '../shared/json.js';
import type { ColumnPlan } from './column-plan.js';
import { nameMember } from './file-name.js';
import type { ReferenceMedia } from './reference-media.js';
import type { Row } from './row.js';

/** The exact text of the POST; sorted keys throughout, so that equal content is equal bytes (S1). */
export function bodyText({
  model,
  prompt,
  params,
  media,
}: {
  model: string;
  prompt: string | null;
  params: JsonObject;
  media: readonly ReferenceMedia[];
}): string {
  const referenceMediaItems = media.map(({ url, kind }) => ({ url, kind }));
  const sent = media.length === 0 ? params : { ...params, referenceMediaItems };
  const paramsText = canonicalJson(sent);
  const promptMember = prompt === null ? '' : `,"prompt":${JSON.stringify(prompt)}`;
  const paramsMember = paramsText === '{}' ? '' : `,"params":${paramsText}`;
  return `{"model":${JSON.stringify(model)}${promptMember}${paramsMember}}`;
}

/**
 * JSON text of a `BriefOrigin`, joined by hand: an object would put a column such as `2024` first,
 * lose one called `__proto__`, and cost more.
 */
export function originText({
  row,
  plan,
  sourceName,
  references,
  metadata,
  name,
}: {
  row: Row;
  plan: ColumnPlan;
  sourceName: string;
  references: readonly string[];
  metadata: JsonValue;
  name: string | null;
}): string {
  let input = '';
  for (const { column, prefix } of plan.input) {
    input += prefix + JSON.stringify(row.get(column) ?? null);
  }
  const referencesText = references.length === 0 ? '[]' : JSON.stringify(references);
  const metadataText = metadata === null ? 'null' : JSON.stringify(metadata);
  return `{${nameMember(name)}"row":${row.number},"source":${JSON.stringify(sourceName)},"references":${referencesText},"metadata":${metadataText},"input":{${input}}}`;
}
