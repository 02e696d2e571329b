/** `application/x-www-form-urlencoded` decoding; what is not valid stays as it was sent. */
export function decodeQueryText(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}

/** First value of a query parameter, decoded; null when absent. */
export function queryValue(query: string, name: string): string | null {
  for (let start = 0; start < query.length; ) {
    let end = query.indexOf('&', start);
    if (end < 0) end = query.length;
    const equals = query.indexOf('=', start);
    const nameEnd = equals < 0 || equals > end ? end : equals;
    if (decodeQueryText(query.slice(start, nameEnd)) === name) {
      return nameEnd === end ? '' : decodeQueryText(query.slice(nameEnd + 1, end));
    }
    start = end + 1;
  }
  return null;
}

/** Every value of a query parameter, decoded, in order. */
export function queryValues(query: string, name: string): readonly string[] {
  const values: string[] = [];
  for (const part of query.split('&')) {
    const equals = part.indexOf('=');
    if (decodeQueryText(equals < 0 ? part : part.slice(0, equals)) !== name) continue;
    values.push(equals < 0 ? '' : decodeQueryText(part.slice(equals + 1)));
  }
  return values;
}

/** The query without any parameter of that name; the others stay as they were sent. */
export function withoutQueryParam(query: string, name: string): string {
  return query
    .split('&')
    .filter((part) => decodeQueryText(part.split('=', 1)[0]!) !== name)
    .join('&');
}
