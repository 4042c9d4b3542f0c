import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseContent } from '../../../src/shared/brief.js';
import { placeholderFor, type ReferenceFile } from '../../../src/shared/reference-items.js';
import type { SettingsPatch } from '../../../src/simulator/settings.js';
import { readyReferences } from '../../../src/worker/references/ready-references.js';
import type { UnsentBrief } from '../../../src/worker/stages/permit.js';
import type { StageJob } from '../../../src/worker/stages/step.js';
import { identity, preparedBrief } from '../../support/ledger.js';
import { picture, sha256Of } from '../../support/reference-desk.js';
import { openBench } from './stage-bench.js';

export const model = 'nano-banana';

/** A bench with picture files on disk and briefs that refer to them. */
export async function referenceBench(settings: SettingsPatch = {}) {
  const bench = await openBench(settings);
  const { references, briefs } = bench.ledger;
  const file = async (number: number): Promise<ReferenceFile> => {
    const content = picture(number);
    const path = join(bench.out, `${number}.png`);
    await writeFile(path, content);
    const sha256 = sha256Of(content);
    return { sha256, path, bytes: content.length, mediaType: 'image/png', name: `${number}.png` };
  };
  const admit = async (id: string, files: readonly ReferenceFile[]) => {
    await references.keepFiles(files);
    const items = files.map(({ sha256 }) => ({ kind: 'image', url: placeholderFor(sha256) }));
    const body = JSON.stringify({ model, params: { referenceMediaItems: items }, prompt: id });
    await briefs.admit([preparedBrief(id, { body })], identity.createdAt);
  };
  const contentOf = async (id: string) => (await briefs.readContent(id)) ?? '';
  const ready = async (job: StageJob) =>
    readyReferences(bench.context, (await bench.take(job)) as UnsentBrief);
  const submit = (briefId: string, attempt = 1) => bench.send({ briefId, attempt });
  return {
    ...bench,
    file,
    admit,
    ready,
    submit,
    bodyOf: async (id: string) => parseContent(await contentOf(id)).body,
  };
}

export type ReferenceBench = Awaited<ReturnType<typeof referenceBench>>;
