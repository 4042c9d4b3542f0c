import type { Model } from '../../rivya/outcome.js';
import { kindOfType, type MediaKind, plainType } from './files.js';

/** What a model says of its references; null where it says nothing, which refuses nothing. */
export interface ReferenceRules {
  /** Whether it makes nothing without a reference, or takes none at all. */
  presence: 'needed' | 'optional' | 'refused';
  maxFiles: number | null;
  kinds: readonly string[] | null;
  /** Where it takes references of one kind alone. */
  onlyKind: MediaKind | null;
  limits: ReadonlyMap<string, { maxBytes: number | null; types: ReadonlySet<string> | null }>;
  /** Whether a URL is passed on as it is, or has to be uploaded first as a file is. */
  urls: 'passed_on' | 'uploaded';
}

/** The Files API's own limits, for models that name none. MB are 10^6 bytes: the smaller of the two readings. */
const defaultMaxBytes: Record<MediaKind, number> = {
  image: 10_000_000,
  video: 50_000_000,
  audio: 10_000_000,
};

type MediaFacts = Pick<Model, 'referenceMedia' | 'requiresFilesApi' | 'urlInputSupported'>;
type ChatFacts = Pick<Model, 'category' | 'takesImages'>;

export function referenceRules(model: MediaFacts & Partial<ChatFacts>): ReferenceRules {
  return model.category === 'chat' ? attachmentRules(model) : mediaRules(model);
}

/** A turn refers to uploaded pictures alone (documented). */
function attachmentRules({
  referenceMedia,
  takesImages,
}: MediaFacts & Partial<ChatFacts>): ReferenceRules {
  return {
    ...mediaRules({ referenceMedia, requiresFilesApi: false, urlInputSupported: false }),
    presence: takesImages === false ? 'refused' : 'optional',
    kinds: ['image'],
    onlyKind: 'image',
  };
}

function mediaRules({
  referenceMedia,
  requiresFilesApi,
  urlInputSupported,
}: MediaFacts): ReferenceRules {
  const limits = (referenceMedia?.limits ?? []).map(
    ({ kind, maxBytes, mediaTypes }) =>
      [kind, { maxBytes, types: mediaTypes && new Set(mediaTypes.map(plainType)) }] as const,
  );
  const kinds = referenceMedia?.fileKinds ?? null;
  const [only = ''] = kinds?.length === 1 ? kinds : [];
  const uploaded = urlInputSupported === false || requiresFilesApi === true;
  return {
    presence: requiresFilesApi === true ? 'needed' : 'optional',
    maxFiles: referenceMedia?.maxFiles ?? null,
    kinds,
    onlyKind: kindOfType(only),
    limits: new Map(limits),
    urls: uploaded ? 'uploaded' : 'passed_on',
  };
}

/** For a model that the list does not know. */
export const noRules: ReferenceRules = {
  presence: 'optional',
  maxFiles: null,
  kinds: null,
  onlyKind: null,
  limits: new Map(),
  urls: 'passed_on',
};

/** Why a model does not take so many references, or null. */
export function countFault(count: number, { maxFiles }: ReferenceRules, model: string) {
  if (maxFiles === null || count <= maxFiles) return null;
  return `${count} references are given, and ${model} takes at most ${maxFiles}`;
}

/** Why a model does not take references of a kind, or null. */
export function kindFault(kind: MediaKind, { kinds }: ReferenceRules, model: string) {
  if (kinds === null || kinds.length === 0 || kinds.includes(kind)) return null;
  return `is ${article(kind)} ${kind}, and ${model} takes only ${kinds.join(' and ')} references`;
}

/** What is wrong with a file as a reference of a model, to stand behind its name; null for nothing. */
export function fileFault(
  { mediaType, bytes }: { mediaType: string; bytes: number },
  rules: ReferenceRules,
  model: string,
): string | null {
  const kind = kindOfType(mediaType);
  if (kind === null) return `is ${mediaType} by its content: no image, video or audio`;
  const wrongKind = kindFault(kind, rules, model);
  if (wrongKind !== null) return wrongKind;
  const limit = rules.limits.get(kind);
  if (limit?.types && !limit.types.has(plainType(mediaType))) {
    const taken = [...limit.types].join(', ');
    return `is ${mediaType} by its content, and ${model} takes only ${taken}`;
  }
  const maxBytes = maxBytesOf(kind, rules);
  if (bytes <= maxBytes) return null;
  return `has ${megabytes(bytes)}, and ${model} takes at most ${megabytes(maxBytes)} for ${article(kind)} ${kind}`;
}

/** How large a reference of a kind may be: as the model says, else as the Files API does. */
export function maxBytesOf(kind: MediaKind, { limits }: ReferenceRules): number {
  return limits.get(kind)?.maxBytes ?? defaultMaxBytes[kind];
}

export function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 100_000) / 10} MB`;
}

function article(kind: string): string {
  return /^[aio]/.test(kind) ? 'an' : 'a';
}
