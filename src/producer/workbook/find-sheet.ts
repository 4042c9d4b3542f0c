import { posix } from 'node:path';
import { quoteName } from '../../shared/quantities.js';
import type { Package } from './package.js';
import { isOn, localName, readXml } from './read-xml.js';

/** Where in a workbook's package things are. */
export interface Workbook {
  /** In their order, without charts, which have no cells. */
  sheets: readonly Sheet[];
  sharedStrings: string | null;
  styles: string | null;
  /** Whether days are counted from 1904 on, as Excel for Mac once did. */
  from1904: boolean;
}

export interface Sheet {
  name: string;
  isHidden: boolean;
  /** Name of its part. */
  part: string;
}

/** @throws BatchError `bad_input` for a package that is no workbook */
export async function readWorkbook(parts: Package): Promise<Workbook> {
  const part = await workbookPart(parts);
  const relations = await readRelations(parts, part);
  const sheets: Sheet[] = [];
  let from1904 = false;
  await readXml(parts, part, {
    open(name, attributes) {
      if (name === 'workbookPr') from1904 = isOn(attributes.date1904);
      if (name !== 'sheet') return;
      const relation = relations.get(relationId(attributes));
      if (relation === undefined || relation.kind !== 'worksheet') return;
      const { name: called = '', state = 'visible' } = attributes;
      sheets.push({ name: called, isHidden: state !== 'visible', part: relation.part });
    },
  });
  const only = (kind: string) =>
    [...relations.values()].find((relation) => relation.kind === kind && parts.has(relation.part))
      ?.part ?? null;
  return { sheets, sharedStrings: only('sharedStrings'), styles: only('styles'), from1904 };
}

/**
 * The sheet that is asked for, or the first that is shown.
 *
 * @throws BatchError `bad_input` naming those that there are
 */
export function chooseSheet(parts: Package, { sheets }: Workbook, asked: string | null): Sheet {
  const [first] = sheets;
  if (first === undefined) throw parts.fault('has no sheet with cells');
  if (asked === null) return sheets.find(({ isHidden }) => !isHidden) ?? first;
  const found =
    sheets.find(({ name }) => name === asked) ??
    sheets.find(({ name }) => looseName(name) === looseName(asked));
  if (found !== undefined) return found;
  throw parts.fault(`has no sheet ${quoteName(asked)}; its sheets: ${sheetNames(sheets)}`);
}

/** More than this helps nobody. */
const mostNamed = 20;

export function sheetNames(sheets: readonly Sheet[]): string {
  const names = sheets
    .slice(0, mostNamed)
    .map(({ name, isHidden }) => `${quoteName(name)}${isHidden ? ' (hidden)' : ''}`);
  const more = sheets.length > mostNamed ? ` and ${sheets.length - mostNamed} more` : '';
  return `${names.join(', ')}${more}`;
}

function looseName(name: string): string {
  return name.normalize('NFC').trim().toLowerCase();
}

async function workbookPart(parts: Package): Promise<string> {
  const usual = 'xl/workbook.xml';
  if (!parts.has('_rels/.rels')) {
    if (parts.has(usual)) return usual;
    throw parts.fault('is a zip file, and no workbook is in it: unpack it first');
  }
  const relations = await readRelations(parts, '');
  const found = [...relations.values()].find(({ kind }) => kind === 'officeDocument');
  const part = found?.part ?? usual;
  if (!parts.has(part)) throw parts.fault('is a zip file, and no workbook is in it');
  return part;
}

interface Relation {
  /** The last word of its type: the rest is one of two namespaces. */
  kind: string;
  part: string;
}

/** What a part refers to, by id. */
async function readRelations(parts: Package, of: string): Promise<Map<string, Relation>> {
  const folder = posix.dirname(`/${of}`);
  const relations = new Map<string, Relation>();
  const part = posix.join(folder, '_rels', `${posix.basename(of)}.rels`);
  if (!parts.has(part)) return relations;
  await readXml(parts, part, {
    open(name, { Id: id = '', Type: type = '', Target: target = '', TargetMode: mode }) {
      if (name !== 'Relationship' || mode === 'External') return;
      const kind = type.slice(type.lastIndexOf('/') + 1);
      // A path from the root, or from where the part itself is.
      relations.set(id, { kind, part: posix.resolve(folder, target.replaceAll('\\', '/')) });
    },
  });
  return relations;
}

/** `r:id`, whatever the prefix. */
function relationId(attributes: Readonly<Record<string, string>>): string {
  const key = Object.keys(attributes).find(
    (name) => name.includes(':') && localName(name) === 'id',
  );
  return key === undefined ? '' : (attributes[key] ?? '');
}
