import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type CompiledInput,
  compileInput,
  type InputOptions,
  type Rejection,
} from '../../src/producer/compile-input.js';
import type { Model, ModelParam } from '../../src/rivya/outcome.js';
import type { BriefOrigin, PreparedBrief } from '../../src/shared/brief.js';
import { BatchError } from '../../src/shared/errors.js';

function param(key: string, type: string): ModelParam {
  return {
    key,
    type,
    required: false,
    options: [],
    default: null,
    min: null,
    max: null,
    step: null,
  };
}

function model(id: string, facts: Partial<Model>): Model {
  return {
    id,
    displayName: id,
    category: 'image',
    baseCredits: 1,
    billingType: 'FIXED',
    maxPromptLength: null,
    apiStatus: 'available',
    apiInputStatus: 'available_text',
    requiresFilesApi: null,
    urlInputSupported: null,
    referenceMedia: null,
    takesImages: null,
    params: [],
    notices: [],
    ...facts,
  };
}

export const models: Model[] = [
  model('z-image', { maxPromptLength: 1000, params: [param('aspect_ratio', 'select')] }),
  model('ideogram-v3', { params: [param('seed', 'number'), param('expand_prompt', 'select')] }),
  model('elevenlabs-dialogue-v3', { category: 'audio' }),
  model('gpt-5-2-chat', { category: 'chat' }),
];

/** Everything that came out of an input, in memory: for small inputs. */
export interface Compiled {
  counts: CompiledInput['counts'];
  modelUse: Record<string, number>;
  outputs: CompiledInput['outputs'];
  steps: CompiledInput['steps'];
  briefs: (Omit<PreparedBrief, 'origin'> & { origin: BriefOrigin })[];
  rejections: Rejection[];
  warnings: CompiledInput['warnings'];
}

const plainOptions: Omit<InputOptions, 'files'> = {
  format: null,
  delimiter: null,
  model: null,
  prompt: null,
  id: null,
  params: [],
  variants: 1,
  limit: null,
  models,
};

/** Writes the files into a folder of their own and compiles them in the order given. */
export async function compileFiles(
  contents: Record<string, string | Buffer>,
  options: Partial<InputOptions> = {},
): Promise<Compiled> {
  const folder = await mkdtemp(join(tmpdir(), 'rivya-batch-test-'));
  try {
    const files: string[] = [];
    for (const [name, content] of Object.entries(contents)) {
      files.push(join(folder, name));
      await writeFile(join(folder, name), content);
    }
    return await compilePaths(files, options);
  } finally {
    await rm(folder, { recursive: true });
  }
}

export async function compilePaths(
  files: string[],
  options: Partial<InputOptions> = {},
): Promise<Compiled> {
  const input = await compileInput({ ...plainOptions, files, ...options });
  try {
    const briefs: Compiled['briefs'] = [];
    for await (const brief of input.briefs()) {
      briefs.push({ ...brief, origin: JSON.parse(brief.origin) as BriefOrigin });
    }
    const rejections: Rejection[] = [];
    for await (const rejection of input.rejections()) rejections.push(rejection);
    const modelUse = Object.fromEntries(input.modelUse);
    const { counts, outputs, steps, warnings } = input;
    return { counts, modelUse, outputs, steps, briefs, rejections, warnings };
  } finally {
    await input.dispose();
  }
}

/** The sentence of the `bad_input` error that compiling must end with. */
export async function badInputOf(compiling: Promise<unknown>): Promise<string> {
  try {
    await compiling;
  } catch (error) {
    if (error instanceof BatchError && error.code === 'bad_input') return error.message;
    throw error;
  }
  throw new Error('the input was taken');
}

/** `row column kind` of every rejection: short enough to compare whole. */
export function faultsOf({ rejections }: Compiled): string[] {
  return rejections.map(({ row, column, kind }) => `${row} ${column ?? '-'} ${kind}`);
}
