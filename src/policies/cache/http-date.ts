const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

const IMF = /^[a-z]{3}, (\d{2}) ([a-z]{3}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) gmt$/i;
const RFC850 = /^[a-z]{6,9}, (\d{2})-([a-z]{3})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) gmt$/i;
const ASCTIME = /^[a-z]{3} ([a-z]{3}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/i;

/** Unix milliseconds of an HTTP-date in any of its three forms (RFC 9110 section 5.6.7); null for anything else. */
export function parseHttpDate(text: string): number | null {
  const imf = IMF.exec(text);
  if (imf !== null) return unixMs(imf[3]!, imf[2]!, imf[1]!, imf[4]!, imf[5]!, imf[6]!);
  const rfc850 = RFC850.exec(text);
  if (rfc850 !== null) {
    return unixMs(fullYear(rfc850[3]!), rfc850[2]!, rfc850[1]!, rfc850[4]!, rfc850[5]!, rfc850[6]!);
  }
  const asctime = ASCTIME.exec(text);
  if (asctime === null) return null;
  return unixMs(asctime[6]!, asctime[1]!, asctime[2]!, asctime[3]!, asctime[4]!, asctime[5]!);
}

/** What would be more than 50 years ahead is past. */
function fullYear(two: string): string {
  const now = new Date().getUTCFullYear();
  const year = Math.floor(now / 100) * 100 + Number(two);
  return String(year > now + 50 ? year - 100 : year);
}

function unixMs(
  year: string,
  month: string,
  day: string,
  hour: string,
  minute: string,
  second: string,
): number | null {
  const monthIndex = MONTHS.indexOf(month.toLowerCase());
  const [d, h, m, s] = [Number(day), Number(hour), Number(minute), Number(second)];
  if (monthIndex < 0 || d < 1 || h > 23 || m > 59 || s > 60) return null;
  const ms = Date.UTC(Number(year), monthIndex, d, h, m, s);
  // The 31st of a month that has 30 days.
  return new Date(ms).getUTCDate() === d || s === 60 ? ms : null;
}
