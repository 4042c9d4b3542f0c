import { quoteText } from './quote-text.js';

/** Response headers as undici gives them: names in lower case. */
export type ResponseHeaders = Record<string, string | string[] | undefined>;

/** None of those that we read is longer, but for an address. */
const longestHeader = 500;

/**
 * One header's text, of which no more is looked at than there can be sense in; a header sent several times counts
 * with its first value.
 */
export function headerText(
  headers: ResponseHeaders,
  name: string,
  maxLength = longestHeader,
): string | null {
  const value = headers[name];
  const first = Array.isArray(value) ? value[0] : value;
  const text = first?.slice(0, maxLength).trim() ?? '';
  return text === '' ? null : text;
}

/** The request's id for support, from the header that gateways set. */
export function headerRequestId(headers: ResponseHeaders): string | null {
  const text = headerText(headers, 'x-request-id') ?? headerText(headers, 'request-id');
  return text === null ? null : quoteText(text, 200);
}

/** The media type alone, in lower case: `image/png` of `image/PNG; charset=binary`. */
export function mediaType(headers: ResponseHeaders): string | null {
  const type = headerText(headers, 'content-type')?.split(';')[0]?.trim().toLowerCase() ?? '';
  return type === '' ? null : quoteText(type, 100);
}
