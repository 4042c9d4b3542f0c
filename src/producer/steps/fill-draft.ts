import type { Model } from '../../rivya/outcome.js';
import type { Draft, DraftText } from '../../shared/draft.js';
import type { JsonObject } from '../../shared/json.js';
import { placeholderFor, type ReferenceFile } from '../../shared/reference-items.js';
import { bodyFault, checkParams, promptFault } from '../outputs/checks.js';
import { knownModel } from '../outputs/known-models.js';
import { settleParams } from '../outputs/params.js';
import { kindOfType } from '../references/files.js';
import type { ReferenceMedia } from '../references/read-references.js';
import { countFault, fileFault, noRules, type ReferenceRules } from '../references/rules.js';
import type { RejectionKind, RowFault } from '../rejection.js';
import { isBlank, trimCell } from '../rows/cell-text.js';
import { fillTextHole } from '../template/engine.js';

/** What an output made: the answer of a chat model, or its first file. */
export type StepResult = { text: string } | { file: ReferenceFile };

export type FilledDraft =
  | { kind: 'filled'; content: FilledContent; files: ReferenceFile[] }
  /** The first of what is wrong with it. */
  | { kind: 'refused'; code: RejectionKind; reason: string };

/** What a body is made of. */
interface FilledContent extends Pick<Draft, 'endpoint' | 'model'> {
  prompt: string | null;
  params: JsonObject;
  media: ReferenceMedia[];
}

/**
 * Puts results into a draft and checks what comes of it, as a row is checked. It looks at nothing else, so that the same
 * results give the same body on every machine (S1).
 * @param results by the names of outputs: of what it comes after, but for those that made nothing that can be used
 * @param model as the list of models has it; undefined where it has not
 */
export function fillDraft(
  draft: Draft,
  results: ReadonlyMap<string, StepResult>,
  model: Model | undefined,
): FilledDraft {
  const faults: RowFault[] = [];
  const known = model && knownModel(model);
  const prompt = draft.prompt && fillText(draft.prompt, results, faults);
  const texts = Object.entries(draft.texts).flatMap(([key, text]) => {
    const filled = fillText(text, results, faults);
    return isBlank(filled) ? [] : [[key, filled] as const];
  });
  const params = settleParams({ ...draft.params, ...Object.fromEntries(texts) }, known);
  const content: FilledContent = {
    endpoint: draft.endpoint,
    model: draft.model,
    prompt: prompt === null || isBlank(prompt) ? null : prompt,
    params,
    media: [],
  };
  const files = fillReferences(draft, { results, rules: known?.references }, content.media, faults);
  if (faults.length === 0) faults.push(...contentFaults(content, known));
  const [fault] = faults;
  return fault === undefined
    ? { kind: 'filled', content, files }
    : { kind: 'refused', code: fault.kind, reason: fault.reason };
}

type Known = ReturnType<typeof knownModel> | undefined;

/** What a row would be refused for, had it said all of this itself. */
function contentFaults(content: FilledContent, known: Known): RowFault[] {
  const { model, prompt, params, media } = content;
  const ofPrompt = promptFault(prompt, { model, known });
  const ofParams = known ? checkParams({ params, texts: {} }, { model, known }) : [];
  const ofBody = bodyFault(JSON.stringify({ model, prompt, params, media }));
  return [
    ...(ofPrompt === null ? [] : [ofPrompt]),
    ...ofParams.map(({ kind, reason }) => ({ kind, column: null, reason })),
    ...(ofBody === null ? [] : [ofBody]),
  ];
}

function fillText(
  text: DraftText,
  results: ReadonlyMap<string, StepResult>,
  faults: RowFault[],
): string {
  return text
    .map((part) => {
      if (typeof part === 'string') return part;
      const result = results.get(part.output);
      if (result === undefined || 'file' in result) {
        faults.push({ kind: 'wrong_type', column: null, reason: `${part.output} made no text` });
        return '';
      }
      // Answers often end with a line break, which nobody has asked for.
      const filled = fillTextHole(part, trimCell(result.text));
      faults.push(...filled.faults);
      return filled.text;
    })
    .join('');
}

/** Adds to the media, and gives those of them that have to be uploaded and are not the row's own. */
function fillReferences(
  { model, references }: Draft,
  {
    results,
    rules = noRules,
  }: { results: ReadonlyMap<string, StepResult>; rules: ReferenceRules | undefined },
  media: ReferenceMedia[],
  faults: RowFault[],
): ReferenceFile[] {
  const refuse = (reason: string) =>
    faults.push({ kind: 'bad_reference', column: 'references', reason });
  const files: ReferenceFile[] = [];
  for (const reference of references) {
    if ('url' in reference) {
      media.push(reference);
      continue;
    }
    const { output } = reference;
    const result = results.get(output);
    if (result === undefined || 'text' in result) {
      refuse(`${output} made no file`);
      continue;
    }
    const { file } = result;
    const kind = kindOfType(file.mediaType);
    const fault = fileFault(file, rules, model);
    if (fault !== null || kind === null) {
      refuse(`the file of ${output} ${fault ?? 'is no image, video or audio'}`);
      continue;
    }
    media.push({ url: placeholderFor(file.sha256), kind });
    files.push(file);
  }
  const tooMany = countFault(media.length, rules, model);
  if (tooMany !== null) refuse(tooMany);
  return files;
}
