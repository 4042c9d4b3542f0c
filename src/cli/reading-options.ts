import type { Schedule } from '../shared/schedule/schedule.js';
import type { ReadingFlags } from './flags.js';
import { readPrompt } from './read-prompt.js';

/** How an input is read, as a schedule keeps it too; `promptFile` names the prompt in a fault. */
type ReadingOptions = Schedule['input'] & { promptFile: string | null };

/**
 * What flags say of reading an input, with prompts read from their files.
 * @throws BatchError `bad_input` for a file that cannot be a prompt
 */
export async function readingOptions(flags: ReadingFlags): Promise<ReadingOptions> {
  const prompt = await readPrompt(flags.prompt ?? null);
  const outputs = (flags.outputs ?? []).map(async (output) => {
    return { ...output, prompt: (await readPrompt(output.prompt)).text };
  });
  return {
    format: flags.format ?? null,
    delimiter: flags.delimiter ?? null,
    headerRow: flags.headerRow ?? null,
    items: flags.items ?? null,
    model: flags.model ?? null,
    prompt: prompt.text,
    promptFile: prompt.file,
    html: flags.keepHtml ? 'keep' : 'to_text',
    fileName: flags.name ?? null,
    references: flags.references ?? null,
    id: flags.id ?? null,
    params: flags.param,
    variants: flags.variants,
    outputs: await Promise.all(outputs),
    fillDown: flags.fillDown,
    fillDownWithin: flags.fillDownWithin ?? null,
    where: flags.where,
    unique: flags.unique ?? null,
    limit: flags.limit ?? null,
    sample: flags.sample ?? null,
    strict: flags.strict ?? false,
  };
}
