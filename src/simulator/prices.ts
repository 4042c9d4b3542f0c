import type { JsonObject, JsonValue } from '../shared/json.js';
import type { ListedModel } from './catalogue.js';
import type { Settings } from './settings.js';

/**
 * How much more a value costs than the plainest one. Rivya documents no such table: only that cost
 * depends on params such as these. What counts is the ratio to the model's default value, so that
 * a request without params costs `base_credits`.
 */
const weights: Record<string, Record<string, number>> = {
  resolution: { '480p': 0.6, '512P': 0.7, '720p': 1, '768P': 1.2, '1080p': 2, '2K': 2, '4K': 4 },
  image_resolution: { '1K': 1, '2K': 2, '4K': 4 },
  quality: { basic: 1, high: 2 },
  size: { standard: 1, high: 2 },
  rendering_speed: { TURBO: 0.5, BALANCED: 1, QUALITY: 2 },
  mode: { std: 0.75, pro: 1 },
  model: { V5: 1.25, V5_5: 1.5 },
  enable_pro: { true: 2 },
  sound: { true: 1.5 },
  generate_audio: { true: 1.5 },
};

/** Params whose number is what is paid for: seconds, frames, pictures. */
const proportional = new Set(['duration', 'duration_seconds', 'n_frames', 'max_images']);

/** Whole credits, at least 1 unless the price itself is 0. */
export function priceOf(model: ListedModel, params: JsonObject, settings: Settings): number {
  const base = settings.prices[model.id] ?? model.base_credits ?? 1;
  let price = base * settings.priceFactor;
  for (const { key, default: usual } of model.params) {
    const asked = params[key];
    if (asked !== undefined) price *= weight(key, asked) / weight(key, usual as JsonValue);
  }
  // Binary fractions such as 6 x 1.1 must not round up to the next credit.
  return Math.ceil(Number(price.toFixed(6)));
}

function weight(key: string, value: JsonValue): number {
  const number = Number(value);
  if (proportional.has(key)) return number > 0 && Number.isFinite(number) ? number : 1;
  return weights[key]?.[String(value)] ?? 1;
}
