import { describe, expect, it } from 'vitest';
import { htmlToText } from '../../../src/producer/template/filters.js';
import { fill } from './fill.js';

describe('HTML in a value', () => {
  it.each([
    ['<p>Warm&nbsp;light &ndash; <b>brass</b></p>', 'Warm light – brass'],
    ['<ul><li>40&nbsp;cm</li><li>oak</li></ul>', '- 40 cm\n- oak'],
    ['<p>Two</p><p>lines<br>or three</p>', 'Two\nlines\nor three'],
    ['<h2>Title</h2><p>x</p>', 'Title\nx'],
    [
      '<table><tr><th>Size</th><td>2 m</td></tr><tr><th>Of</th><td>oak</td></tr></table>',
      'Size: 2 m\nOf: oak',
    ],
    ['a <a href="https://x">link</a><img src="y" alt="z"><script>w</script>', 'a link'],
    ['Fish &amp; Chips &#8364; &unknown;', 'Fish & Chips € &unknown;'],
    ['line\n  two &amp; three', 'line\n  two & three'],
    ['5 < 6 & 7 > 4', '5 < 6 & 7 > 4'],
    ['<lora:lamp:0.8> R&D; x<b', '<lora:lamp:0.8> R&D; x<b'],
    ['<P CLASS="a>b">x</P>', 'x'],
    ['plain', 'plain'],
  ])('%s', (html, text) => {
    expect(htmlToText(html)).toBe(text);
  });

  it('is text in a prompt, and in filters, conditions and lists of it', () => {
    const item = {
      body: '<p>An <i>oak</i> &amp; brass lamp</p>',
      none: '<p> </p>',
      list: ['<b>x</b>'],
    };
    expect(fill('{{body}}', item, 'to_text').text).toBe('An oak & brass lamp');
    expect(fill('{{ body | truncate: 6, "" }}', item, 'to_text').text).toBe('An oak');
    expect(fill('{{ list | first }}', item, 'to_text').text).toBe('x');
    expect(fill('{% if none %}x{% else %}y{% endif %}', item, 'to_text').text).toBe('y');
    expect(fill('{{none}}', item, 'to_text').faults).toMatchObject([{ kind: 'empty_value' }]);
    expect(fill('{{body}}', item, 'keep').text).toBe(item.body);
  });

  it.each([
    ['nested elements', '<b>'.repeat(30_000)],
    ['nested lists', '<ul><li>'.repeat(10_000)],
    ['a cell over a billion columns', '<table><tr><td colspan="1000000000">x</td></tr></table>'],
    ['opening brackets', '<'.repeat(90_000)],
    ['ampersands', '&'.repeat(90_000)],
    ['attributes', `<p ${'a '.repeat(45_000)}`],
    ['comments', '<!--'.repeat(20_000)],
  ])('does not choke on %s', (_what, html) => {
    expect(typeof htmlToText(html)).toBe('string');
  });

  it('refuses HTML that is too long for a description', () => {
    const item = { body: `<p>${'x'.repeat(100_000)}</p>` };
    expect(fill('{{body}}', item, 'to_text').faults).toMatchObject([{ kind: 'body_too_large' }]);
    expect(fill('{{ body | trim }}', item, 'to_text').faults).toMatchObject([
      { kind: 'body_too_large', column: 'body' },
    ]);
  });
});
