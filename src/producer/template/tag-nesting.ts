import {
  type EngineNames,
  type Rewriting,
  rewriteChoices,
  rewriteCondition,
  rewriteOperand,
} from './rewrite-expression.js';
import type { TemplatePiece } from './scan-template.js';
import { type TemplatePlace, templateFault } from './template-place.js';

type TagPiece = Extract<TemplatePiece, { kind: 'tag' }>;
type BlockName = 'if' | 'unless' | 'case';

interface OpenBlock {
  name: BlockName;
  place: TemplatePlace;
  /** What has come inside it last. */
  branch: 'none' | 'first' | 'else';
}

const known = 'if, elsif, else, unless, case, when, comment and raw';

/** Checks the tags of a template one by one, and puts them into the engine's words. */
export class TagNesting {
  readonly #open: OpenBlock[] = [];

  constructor(private readonly names: EngineNames) {}

  /** Whether what comes next may be left out. */
  get isInside(): boolean {
    return this.#open.length > 0;
  }

  rewrite(piece: TagPiece): string {
    return `${piece.open} ${this.#rewriteTag(piece)} ${piece.close}`;
  }

  /** To be called at the end. */
  close(): void {
    const block = this.#open.at(-1);
    if (block === undefined) return;
    throw templateFault(block.place, `a "{% ${block.name} %}" has no "{% end${block.name} %}"`);
  }

  #rewriteTag({ name, rest, place }: TagPiece): string {
    const rewriting: Rewriting = { names: this.names, place };
    switch (name) {
      case 'if':
      case 'unless':
        this.#open.push({ name, place, branch: 'first' });
        return `${name} ${rewriteCondition(rest, rewriting)}`;
      case 'case':
        this.#open.push({ name, place, branch: 'none' });
        return `case ${rewriteOperand(rest, rewriting)}`;
      case 'elsif':
        this.#branch(place, { name, inside: ['if', 'unless'] });
        return `elsif ${rewriteCondition(rest, rewriting)}`;
      case 'when':
        this.#branch(place, { name, inside: ['case'] });
        return `when ${rewriteChoices(rest, rewriting)}`;
      case 'else':
        refuseRest(place, name, rest);
        this.#branch(place, { name, inside: ['if', 'unless', 'case'] });
        return name;
      case 'endif':
      case 'endunless':
      case 'endcase':
        refuseRest(place, name, rest);
        this.#end(place, name);
        return name;
      default:
        throw templateFault(place, `there is no tag "${name}": there are ${known}`);
    }
  }

  #branch(place: TemplatePlace, { name, inside }: { name: string; inside: BlockName[] }): void {
    const block = this.#open.at(-1);
    if (block === undefined || !inside.includes(block.name)) {
      throw templateFault(place, `"{% ${name} %}" stands outside of "{% ${inside[0]} %}"`);
    }
    if (block.branch === 'else') {
      throw templateFault(place, `"{% ${name} %}" stands behind "{% else %}"`);
    }
    if (name === 'else' && block.branch === 'none') {
      throw templateFault(place, '"{% else %}" stands before the first "{% when %}"');
    }
    block.branch = name === 'else' ? 'else' : 'first';
  }

  #end(place: TemplatePlace, name: string): void {
    const block = this.#open.pop();
    if (block === undefined || name !== `end${block.name}`) {
      const begun = name.slice('end'.length);
      throw templateFault(place, `"{% ${name} %}" ends no "{% ${begun} %}"`);
    }
    if (block.branch !== 'none') return;
    throw templateFault(block.place, 'a "{% case %}" has no "{% when %}"');
  }
}

function refuseRest(place: TemplatePlace, name: string, rest: string): void {
  if (rest !== '')
    throw templateFault(place, `"${name}" takes nothing behind it, such as "${rest}"`);
}
