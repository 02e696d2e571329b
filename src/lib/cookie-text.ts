/** First value of a cookie in a Cookie header (RFC 6265 section 5.4); null when absent. */
export function cookieValue(header: string, name: string): string | null {
  for (let start = 0; start < header.length; ) {
    let end = header.indexOf(';', start);
    if (end < 0) end = header.length;
    const equals = header.indexOf('=', start);
    if (equals > 0 && equals < end && header.slice(start, equals).trim() === name) {
      const value = header.slice(equals + 1, end).trim();
      const quoted = value.length >= 2 && value.startsWith('"') && value.endsWith('"');
      return quoted ? value.slice(1, -1) : value;
    }
    start = end + 1;
  }
  return null;
}

/** Every value of a cookie in a Cookie header, in order. */
export function cookieValues(header: string, name: string): readonly string[] {
  return header.split(';').flatMap((pair) => cookieValue(pair, name) ?? []);
}

/** A Cookie header without any cookie of that name; empty when nothing is left. The others stay as they were sent. */
export function withoutCookie(header: string, name: string): string {
  return header
    .split(';')
    .filter((part) => part.split('=', 1)[0]!.trim() !== name)
    .join(';')
    .trim();
}
