import { expect, it } from 'vitest';
import { badInputOf, compileFiles, faultsOf } from './compile-files.js';

const csv = [
  'sku,Title (en),Color,Body (HTML)',
  '1,Mug,red,<p>Glazed &amp; <b>fired</b></p><ul><li>0.3 l</li></ul>',
  '2,Lamp,,<p>Brass</p>',
  '3,,blue,Oak',
].join('\n');
const options = { id: 'sku', model: 'z-image' };

function promptsOf(briefs: { body: string }[]): string[] {
  return briefs.map(({ body }) => (JSON.parse(body) as { prompt: string }).prompt);
}

it('fills prompts with filters and conditions, and rejects rows that lack what is needed', async () => {
  const compiled = await compileFiles(
    { 'a.csv': csv },
    {
      ...options,
      prompt: '{{ Title (en) | upper }}{% if Color %} in {{Color}}{% endif %}: {{Body (HTML)}}',
    },
  );
  expect(promptsOf(compiled.briefs)).toEqual([
    'MUG in red: Glazed & fired\n- 0.3 l',
    'LAMP: Brass',
  ]);
  expect(faultsOf(compiled)).toEqual(['4 Title (en) empty_value']);
});

it('keeps HTML where it is asked to, and everywhere but in prompts', async () => {
  const { briefs } = await compileFiles(
    { 'a.csv': csv.split('\n').slice(0, 2).join('\n') },
    {
      ...options,
      prompt: '{{Body (HTML)}}',
      html: 'keep',
      params: [{ key: 'aspect_ratio', template: '{{ Body (HTML) | slice: 0, 3 }}' }],
    },
  );
  expect(briefs[0]?.body).toContain('"prompt":"<p>Glazed &amp; <b>fired</b></p>');
  expect(briefs[0]?.body).toContain('"aspect_ratio":"<p>"');
});

it('fills ids, models and params', async () => {
  const { briefs } = await compileFiles(
    { 'a.csv': csv },
    {
      id: '{{ sku | prepend: "p-" }}',
      model: '{% if Color == "red" %}z-image{% else %}ideogram-v3{% endif %}',
      prompt: 'x',
      params: [{ key: 'seed', template: '{{ sku | times: 2 }}' }],
    },
  );
  expect(briefs.map(({ id, body }) => `${id} ${body}`)).toEqual([
    'p-1 {"model":"z-image","prompt":"x","params":{"seed":"2"}}',
    'p-2 {"model":"ideogram-v3","prompt":"x","params":{"seed":4}}',
    'p-3 {"model":"ideogram-v3","prompt":"x","params":{"seed":6}}',
  ]);
});

it.each([
  [
    '{{ Colour | default: "red" }}',
    'needs a column "Colour", and there is none: did you mean "Color"?',
  ],
  ['{% if Colour %}x{% endif %}y', 'needs a column "Colour"'],
  ['{{ Color | default: Titel }}', 'needs a column "Titel"'],
  ['{{ Color | uper }}', 'there is no filter "uper"; the nearest is "upper".'],
])(
  'a column that a table does not have is a fault of the file, also in %s',
  async (prompt, sentence) => {
    const message = await badInputOf(compileFiles({ 'a.csv': csv }, { ...options, prompt }));
    expect(message).toContain(sentence);
  },
);

it('a key that no JSON item has is as good as an empty one, unless it is needed', async () => {
  const json = JSON.stringify([{ id: 'a', title: 'Lamp' }]);
  const prompt = '{{title}}{% if color %} in {{color}}{% endif %} {{ of | default: "oak" }}';
  const { briefs } = await compileFiles({ 'a.json': json }, { model: 'z-image', prompt });
  expect(promptsOf(briefs)).toEqual(['Lamp oak']);
  const needed = compileFiles(
    { 'a.json': json },
    { model: 'z-image', prompt: '{{ titel | trim }}' },
  );
  expect(await badInputOf(needed)).toContain('needs a column "titel"');
});

it('names the file of a prompt that cannot be read', async () => {
  const prompt = 'A mug\n{% if Color %}';
  const broken = compileFiles({ 'a.csv': csv }, { ...options, prompt, promptFile: 'prompt.txt' });
  expect(await badInputOf(broken)).toBe(
    'prompt.txt: a "{% if %}" has no "{% endif %}" (line 2, character 1).',
  );
});

const pictures = [
  'sku,Image Src,Detail Src,references',
  '1,https://x.test/1.jpg | https://x.test/2.jpg,https://x.test/d.jpg,mine',
  '2,,,',
].join('\n');

it.each([
  ['Image Src', ['https://x.test/1.jpg', 'https://x.test/2.jpg'], []],
  [
    'Image Src|Detail Src',
    ['https://x.test/1.jpg', 'https://x.test/2.jpg', 'https://x.test/d.jpg'],
    [],
  ],
  ['https://y.test/{{sku}}.jpg', ['https://y.test/1.jpg'], ['https://y.test/2.jpg']],
  ['{{ Detail Src | default: "" }}', ['https://x.test/d.jpg'], []],
])('references come from %s', async (references, first, second) => {
  const compiled = await compileFiles(
    { 'a.csv': pictures },
    { ...options, prompt: 'x', references },
  );
  expect(faultsOf(compiled)).toEqual([]);
  expect(compiled.briefs.map(({ origin }) => origin.references)).toEqual([first, second]);
  expect(compiled.briefs[0]?.origin.input.references).toBe('mine');
});

it('references of JSON are a list, and nothing else', async () => {
  const json = JSON.stringify([
    { id: 'a', images: ['https://x.test/1.jpg'] },
    { id: 'b', images: { src: 'x' } },
  ]);
  const compiled = await compileFiles(
    { 'a.json': json },
    { model: 'z-image', prompt: 'x', references: 'images' },
  );
  expect(compiled.briefs[0]?.origin.references).toEqual(['https://x.test/1.jpg']);
  expect(faultsOf(compiled)).toEqual(['2 images wrong_type']);
});

it('a column of --references that is not there is a fault of the file', async () => {
  const compiling = compileFiles(
    { 'a.csv': pictures },
    { ...options, prompt: 'x', references: 'Image Scr' },
  );
  expect(await badInputOf(compiling)).toContain(
    '--references needs a column "Image Scr", and there is none: did you mean "Image Src"?',
  );
});
