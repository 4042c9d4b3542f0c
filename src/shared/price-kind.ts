import { createHash } from 'node:crypto';
import type { RequestBody } from './brief-content.js';
import { canonicalJson, type JsonObject } from './json.js';

/**
 * Params that have nothing to do with the price, by any spelling the catalogue has. Everything else may have
 * (the API documents no prices): a param taken for relevant by mistake only makes prices be learned again.
 */
const withoutPrice =
  /^(seeds?|negative_?prompt|aspect_?ratio|output_?format|watermark|remove_watermark|nsfw_checker|safety_?tolerance|enable_safety_checker|enable_?translation|prompt_?upsampling|prompt_?optimizer|prompt_extend|expand_prompt|enable_prompt_expansion|guidance_scale|cfg_scale|prompt_influence|camera_fixed|fixed_lens|upload_method|previous_text|next_text|language_code|voice|default_voice|stability|similarity_boost|style|soundkey|soundtempo|soundloop|loop|google_search|web_search)$/i;

/**
 * What briefs of the same price have in common: the model and those of its params that may change the price.
 * A reference is counted, because some models charge by mode; its address is left out.
 */
export function priceKind({ model, params }: RequestBody): string {
  const relevant: JsonObject = {};
  for (const [key, value] of Object.entries(params ?? {})) {
    if (withoutPrice.test(key)) continue;
    relevant[key] = Array.isArray(value) ? value.length : value;
  }
  if (Object.keys(relevant).length === 0) return model;
  const hash = createHash('sha256').update(canonicalJson(relevant)).digest('hex').slice(0, 10);
  return `${model} ${hash}`;
}

/** The model of a kind. */
export function modelOf(kind: string): string {
  return kind.replace(/ [0-9a-f]{10}$/, '');
}
