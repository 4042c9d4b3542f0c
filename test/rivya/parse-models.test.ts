import { expect, it } from 'vitest';
import { parseModels } from '../../src/rivya/parse.js';

const bare = {
  id: 'm',
  displayName: 'm',
  category: null,
  baseCredits: null,
  billingType: null,
  maxPromptLength: null,
  apiStatus: null,
  apiInputStatus: null,
  requiresFilesApi: null,
  urlInputSupported: null,
  referenceMedia: null,
  takesImages: null,
  params: [],
  notices: [],
};

it.each([[null], [{}], [{ data: {} }], ['[]'], [7]])('%j is no list of models', (json) => {
  expect(parseModels(json)).toBeNull();
});

it('leaves out entries without an id', () => {
  expect(parseModels({ data: [{ id: 'm' }, {}, null, 'z', { id: 3 }] })).toEqual([bare]);
  expect(parseModels([{ id: 'm', params: null }])).toEqual([bare]);
  expect(parseModels([])).toEqual([]);
});

it('reads what is there', () => {
  const [model] =
    parseModels([
      {
        id: 'm',
        display_name: 'M',
        category: 'image',
        base_credits: '3',
        billing_type: 'METERED',
        max_prompt_length: 800,
        api_status: 'available',
        api_input_status: 'available_text',
        requires_files_api: false,
        url_input_supported: 'true',
        reference_media: {
          max_files: 2,
          file_kinds: ['image', 7],
          limits: [
            { kind: 'image', max_size_mb: 10, mime_types: ['image/png'] },
            { kind: 'video', max_size_mb: null },
            { max_size_mb: 5 },
          ],
        },
        notices: ['Slow today.', { message: 'Ends in May.' }, { level: 1 }],
        novelty: true,
        params: [
          {
            key: 'size',
            type: 'select',
            required: true,
            options: ['1:1', 5, { value: 'x' }, null],
          },
          { name: 'seed', type: 'number', min: -1, max: '9', step: 2, default: 3, options: null },
          { type: 'text' },
        ],
      },
    ]) ?? [];
  expect(model).toEqual({
    id: 'm',
    displayName: 'M',
    category: 'image',
    baseCredits: 3,
    billingType: 'METERED',
    notices: ['Slow today.', 'Ends in May.'],
    maxPromptLength: 800,
    apiStatus: 'available',
    apiInputStatus: 'available_text',
    requiresFilesApi: false,
    urlInputSupported: true,
    takesImages: null,
    referenceMedia: {
      maxFiles: 2,
      fileKinds: ['image'],
      limits: [
        { kind: 'image', maxBytes: 10_000_000, mediaTypes: ['image/png'] },
        { kind: 'video', maxBytes: null, mediaTypes: null },
      ],
    },
    params: [
      {
        key: 'size',
        type: 'select',
        required: true,
        options: ['1:1', '5', 'x'],
        default: null,
        min: null,
        max: null,
        step: null,
      },
      {
        key: 'seed',
        type: 'number',
        required: false,
        options: [],
        default: '3',
        min: -1,
        max: 9,
        step: 2,
      },
    ],
  });
});
