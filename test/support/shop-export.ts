import { stringify } from 'csv-stringify/sync';

/** Every product has three variants and a row that only adds a picture; every tenth one is a draft. */
const variants = ['Sea Blue', 'Sand', 'Charcoal'];
export const rowsPerProduct = variants.length + 1;

const bodies = [
  '<p>Glazed by hand in <strong>two dips</strong>; the foot is left bare.</p><ul><li>Height: 9&nbsp;cm</li><li>Dishwasher &amp; microwave safe</li></ul>',
  '<div><p>Turned from one piece of <b>oak<p>Shade of "pleated" paper &ndash; 50 &times; 50&nbsp;cm</div></i>\r\n<table><tr><td>Socket<td>E27</table>',
  'Merino, soft &lt;3 &amp; light\n\n<br><br/>\n<ol><li>Wash at 30&deg;<li>Dry flat</ol><!-- old text --><script>alert("x")</script>',
  '',
];

const columns = [
  'Handle',
  'Title',
  'Body (HTML)',
  'Type',
  'Option1 Name',
  'Option1 Value',
  'Variant SKU',
  'Variant Price',
  'Image Src',
  'Image Position',
  'Status',
];

/** What Shopify's export of so many products looks like: what they share stands in their first row only. */
export function shopExport(products: number): string {
  const rows = Array.from({ length: products }, (_, product) => productRows(product)).flat();
  return stringify(rows, { header: true, columns, bom: true });
}

function productRows(product: number): Record<string, string>[] {
  const handle = `product-${product}`;
  const image = (position: number) => ({
    'Image Src': `https://cdn.example.com/${handle}-${position}.jpg`,
    'Image Position': String(position),
  });
  const shared = {
    Title: `MUG "No. ${product}",\nétoile`,
    'Body (HTML)': bodies[product % bodies.length] ?? '',
    Type: product % 3 === 0 ? 'Lamps' : 'Mugs',
    'Option1 Name': 'Color',
    Status: product % 10 === 9 ? 'draft' : 'active',
  };
  const rows = variants.map((colour, variant) => ({
    Handle: handle,
    ...(variant === 0 ? shared : {}),
    'Option1 Value': colour,
    'Variant SKU': `${String(product).padStart(5, '0')}-${variant}`,
    'Variant Price': (product % 50) + 9.5,
    ...image(variant + 1),
  }));
  return [...rows, { Handle: handle, ...image(rowsPerProduct) }].map((row) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, String(value)])),
  );
}
