import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { bundledModels } from '../../src/rivya/catalogue.js';
import { contentOfLine, fingerprintOf, parseContent } from '../../src/shared/brief.js';
import { manifestLine } from '../shared/manifest-lines.js';
import { picture, sha256Of } from '../support/reference-desk.js';
import { compileFiles, compilePaths, faultsOf } from './compile-files.js';

const models = bundledModels();
const options = { models, model: 'gpt-5-2-chat', prompt: 'Alt text for {{title}}', id: 'sku' };

async function taken(csv: string, patch = {}) {
  const compiled = await compileFiles({ 'x.csv': csv }, { ...options, ...patch });
  expect(faultsOf(compiled)).toEqual([]);
  return compiled;
}

/** Compiles a table that has a picture beside it. */
async function compileBeside(csv: string, patch = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'rivya-batch-chat-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'lamp.png'), picture(1));
  await writeFile(join(folder, 'x.csv'), csv);
  return compilePaths([join(folder, 'x.csv')], { ...options, ...patch });
}

it('makes one turn of a brief whose model is a chat, its params beside the message', async () => {
  const { briefs } = await taken('sku,title\na,Lamp\n', {
    params: [
      { key: 'enable_web_search', template: 'TRUE' },
      { key: 'reasoning_effort', template: 'Low' },
    ],
  });
  expect(briefs.map(({ body }) => body)).toEqual([
    '{"model":"gpt-5-2-chat","message":"Alt text for Lamp","enable_web_search":true,"reasoning_effort":"low"}',
  ]);
});

it('attaches pictures, and knows the brief again by their content from its line', async () => {
  const csv = 'sku,title,references\na,Lamp,lamp.png\nb,Rug,\n';
  const { briefs } = await compileBeside(csv);
  const [brief, bare] = briefs;
  const { request, origin } = parseContent(`${JSON.stringify(brief?.origin)}\n${brief?.body}`);
  expect(request.params).toEqual({
    attachments: [{ file_id: `sha256:${sha256Of(picture(1))}` }],
  });
  expect(JSON.parse(bare?.body ?? '')).not.toHaveProperty('attachments');
  const { model, prompt, params } = request;
  const { references } = origin;
  const line = { ...manifestLine(), model, prompt, params, references, text: 'A lamp.' };
  expect(fingerprintOf(line)).toBe(brief?.fingerprint);
  const again = parseContent(contentOfLine({ ...line, text: null }));
  expect(again.request).toEqual(request);
});

it.each([
  ['a param that is a part of the request', [{ key: 'message', template: 'x' }], 'unknown_param'],
  ['references by hand', [{ key: 'attachments', template: 'x' }], 'unknown_param'],
  ['an effort that nobody knows', [{ key: 'reasoning_effort', template: 'huge' }], 'not_an_option'],
  ['a switch that is none', [{ key: 'enable_web_search', template: 'maybe' }], 'not_an_option'],
])('refuses %s', async (_what, params, kind) => {
  const compiled = await compileFiles({ 'x.csv': 'sku,title\na,Lamp\n' }, { ...options, params });
  expect(compiled.rejections.map((rejection) => rejection.kind)).toEqual([kind]);
});

it('refuses a picture for a model of words alone, any film, and a chat without words', async () => {
  const csv = [
    'sku,title,model,references',
    'a,Lamp,claude-sonnet-4-6-chat,lamp.png',
    'b,Lamp,gpt-5-2-chat,https://a.example/x.mp4',
  ].join('\n');
  const fetchReference = async () => ({
    kind: 'file' as const,
    file: {
      sha256: 'a'.repeat(64),
      path: '/x.mp4',
      bytes: 9,
      mediaType: 'video/mp4',
      name: 'x.mp4',
    },
  });
  const compiled = await compileBeside(csv, { model: null, fetchReference });
  expect(compiled.rejections.map(({ row, reason }) => `${row} ${reason}`)).toEqual([
    '2 claude-sonnet-4-6-chat takes text alone, and no references',
    '3 "https://a.example/x.mp4" is a video, and gpt-5-2-chat takes only image references',
  ]);
  const patch = { ...options, prompt: null };
  const wordless = await compileFiles({ 'x.csv': 'sku,prompt\na,\n' }, patch);
  expect(faultsOf(wordless)).toEqual(['2 prompt no_prompt']);
});

it('warns of a param that no chat is known to have, as of any other', async () => {
  const params = [{ key: 'temperature', template: '1' }];
  const { warnings } = await taken('sku,title\na,Lamp\n', { params });
  expect(warnings).toMatchObject([{ rule: 'unknown_param', param: 'temperature' }]);
});
