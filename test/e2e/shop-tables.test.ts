import { describe, expect } from 'vitest';
import { fast, test } from '../support/cli.js';

interface Shop {
  file: string;
  table: string;
  flags: string[];
  /** Id -> prompt and references, as they are sent. */
  makes: Record<string, { prompt: string; references: string[] }>;
}

const at = (path: string) => `https://shop.example/${path}`;
const images = ['--model', 'seedream-4-5'];
const tabbed = (rows: string[][]) => rows.map((cells) => cells.join('\t')).join('\n');

const woo: Shop = {
  file: 'wc-product-export.csv',
  table:
    '\ufeffID,Type,SKU,"GTIN, UPC, EAN, or ISBN",Name,Published,"Is featured?","Visibility in catalog","Short description",Description,"Date sale price starts","Date sale price ends","Tax status","Tax class","In stock?",Stock,"Low stock amount","Backorders allowed?","Sold individually?","Weight (kg)","Length (cm)","Width (cm)","Height (cm)","Allow customer reviews?","Purchase note","Sale price","Regular price",Categories,Tags,"Shipping class",Images,"Download limit","Download expiry days",Parent,"Grouped products",Upsells,Cross-sells,"External URL","Button text",Position,"Attribute 1 name","Attribute 1 value(s)","Attribute 1 visible","Attribute 1 global"\n' +
    `11,simple,tee-1,,Tee,1,0,visible,,"<p>Soft, light</p>\\n",,,taxable,,1,,,0,0,0.2,,,,1,,,18,"Clothing, Clothing > Tees",,,"${at('a.jpg')}, ${at('b.jpg')}",,,,,,,,,0,Color,"Blue, Green",1,1\n` +
    `12,variation,tee-1-b,,"Tee - Blue",1,0,visible,,,,,taxable,parent,1,,,0,0,,,,,0,,,18,,,,${at('c.jpg')},,,tee-1,,,,,,1,Color,Blue,,1\n`,
  flags: ['--id', 'ID', '--prompt', '{{Name}}', '--references', 'Images', ...images],
  makes: {
    11: { prompt: 'Tee', references: [at('a.jpg'), at('b.jpg')] },
    12: { prompt: 'Tee - Blue', references: [at('c.jpg')] },
  },
};

const magento: Shop = {
  file: 'catalog_product.csv',
  table:
    'sku,store_view_code,attribute_set_code,product_type,categories,product_websites,name,description,short_description,weight,product_online,tax_class_name,visibility,price,url_key,base_image,base_image_label,small_image,additional_images,additional_attributes,qty,is_in_stock\n' +
    '24-MB01,,Bag,simple,"Default Category/Gear,Default Category/Gear/Bags",base,"Joust Bag","<ul>\n<li>Dual handles</li>\n</ul>",,,1,"Taxable Goods","Catalog, Search",34.0000,joust-bag,/m/b/mb01.jpg,,/m/b/mb01.jpg,"/m/b/mb01.jpg,/m/b/mb02.jpg","activity=Gym|Hiking,features_bags=Audio Pocket",100.0000,1\n' +
    '24-MB01,fr,Bag,simple,,,"Sac Joust",,,,,,,,,,,,,,,\n',
  flags: [
    '--id',
    'sku',
    '--where',
    '!store_view_code',
    '--prompt',
    '{{name}}: {{description}}',
    '--model',
    'z-image',
  ],
  makes: { '24-MB01': { prompt: 'Joust Bag: - Dual handles', references: [] } },
};

const etsySkus = Array.from({ length: 60 }, (_, number) => `RING-${number}`).join(',');
const etsy: Shop = {
  file: 'EtsyListingsDownload.csv',
  table:
    'TITLE,DESCRIPTION,PRICE,CURRENCY_CODE,QUANTITY,TAGS,MATERIALS,IMAGE1,IMAGE2,IMAGE3,IMAGE4,IMAGE5,IMAGE6,IMAGE7,IMAGE8,IMAGE9,IMAGE10,VARIATION 1 TYPE,VARIATION 1 NAME,VARIATION 1 VALUES,VARIATION 2 TYPE,VARIATION 2 NAME,VARIATION 2 VALUES,SKU\n' +
    `Silver ring,"Made by hand.\n- not =1+1",25.00,EUR,60,"ring,silver",Silver,${at('1.jpg')},${at('2.jpg')},,,,,,,,,Size,Size,"5,6,7",,,,"${etsySkus}"\n`,
  flags: [
    '--id',
    '{{ SKU | split: "," | first }}',
    '--prompt',
    '{{TITLE}}',
    '--references',
    'IMAGE1|IMAGE2|IMAGE3',
    ...images,
  ],
  makes: { 'RING-0': { prompt: 'Silver ring', references: [at('1.jpg'), at('2.jpg')] } },
};

const google: Shop = {
  file: 'merchant-feed.tsv',
  table: tabbed([
    [
      'id',
      'title',
      'description',
      'link',
      'image_link',
      'additional_image_link',
      'availability',
      'price',
      'brand',
      'gtin',
      'condition',
      '',
    ],
    [
      '00123',
      'Desk "Harbour", 30"',
      'Oak; oiled',
      at('p/1'),
      at('1.jpg?v=1,2'),
      `${at('2.jpg')},${at('3.jpg')}`,
      'in_stock',
      '99.00 EUR',
      'Oak',
      '',
      'new',
      '',
    ],
    ['00124', 'Lamp', 'Glass', at('p/2'), at('4.jpg'), ''],
  ]),
  flags: ['--prompt', '{{title}}', '--references', 'image_link|additional_image_link', ...images],
  makes: {
    '00123': {
      prompt: 'Desk "Harbour", 30"',
      references: [at('1.jpg?v=1,2'), at('2.jpg'), at('3.jpg')],
    },
    '00124': { prompt: 'Lamp', references: [at('4.jpg')] },
  },
};

const amazon: Shop = {
  file: 'flat-file.tsv',
  table: tabbed([
    [
      'TemplateType=fptcustom',
      'Version=2021.0101',
      'TemplateSignature=U0hJUlQ=',
      'The top 3 rows are for Amazon.com use only. Do not modify or delete the top 3 rows.',
      '',
      '',
      'Images',
      '',
    ],
    [
      'Product Type',
      'Seller SKU',
      'Brand Name',
      'Product Name',
      'Key Product Features',
      'Key Product Features',
      'Main Image URL',
      'Other Image URL',
    ],
    [
      'feed_product_type',
      'item_sku',
      'brand_name',
      'item_name',
      'bullet_point1',
      'bullet_point2',
      'main_image_url',
      'other_image_url1',
    ],
    ['shirt', 'SKU-1', 'Oak', 'Red cotton shirt', 'soft', 'washable', at('1.jpg'), at('2.jpg')],
    ['shirt', 'SKU-2', 'Oak', 'Blue cotton shirt', 'soft', '', at('3.jpg'), ''],
  ]),
  flags: [
    '--header-row',
    '3',
    '--id',
    'item_sku',
    '--prompt',
    '{{item_name}}, {{bullet_point1}}',
    '--references',
    'main_image_url|other_image_url1',
    ...images,
  ],
  makes: {
    'SKU-1': { prompt: 'Red cotton shirt, soft', references: [at('1.jpg'), at('2.jpg')] },
    'SKU-2': { prompt: 'Blue cotton shirt, soft', references: [at('3.jpg')] },
  },
};

const presta: Shop = {
  file: 'products_import.csv',
  table:
    '"Product ID";"Active (0/1)";"Name *";"Categories (x,y,z...)";"Price tax excluded";"Tax rules ID";"Wholesale price";"On sale (0/1)";"Discount amount";"Reference #";"Supplier reference #";"Quantity";"Short description";"Description";"Tags (x,y,z...)";"Image URLs (x,y,z...)";"Feature (Name:Value:Position)"\n' +
    `1;1;"Walnut lamp; large";"Home,Lamps";25,00;1;;0;;"L-1";;5;"A ""warm"" light";"<p>Walnut, oiled</p>";"lamp,walnut";"${at('1.jpg')},${at('2.jpg')}";"Height:30 cm:1"\n` +
    `2;1;Linen apron;Home,Kitchen;19,90;1;;0;;A-1;;9;;;;${at('3.jpg')}\n`,
  flags: [
    '--id',
    'Product ID',
    '--prompt',
    '{{Name *}}',
    '--references',
    'Image URLs (x,y,z...)',
    ...images,
  ],
  makes: {
    1: { prompt: 'Walnut lamp; large', references: [at('1.jpg'), at('2.jpg')] },
    2: { prompt: 'Linen apron', references: [at('3.jpg')] },
  },
};

describe.concurrent('tables as shops export them', () => {
  for (const [name, shop] of Object.entries({ woo, magento, etsy, google, amazon, presta })) {
    test(`${name}: each brief once, with its references one by one (S1, S4)`, async ({
      openDesk,
    }) => {
      const { file, table, flags, makes } = shop;
      const desk = await openDesk();
      await desk.write(file, table);
      const { code, stderr } = await desk.run(['run', file, '--out', 'out', ...flags, ...fast]);
      expect({ code, stderr }).toMatchObject({ code: 0 });
      const lines = await desk.lines('out');
      const made = lines.map(({ brief_id, prompt, params }) => {
        const items = (params.referenceMediaItems ?? []) as { url: string }[];
        return [brief_id, { prompt, references: items.map(({ url }) => url) }];
      });
      expect(Object.fromEntries(made)).toEqual(makes);
      expect(desk.simulator.bill().total.tasks).toBe(Object.keys(makes).length);
    });
  }
});
