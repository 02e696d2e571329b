import { problem, type Reply } from '../../pipeline/reply.ts';

/** No cache may keep what is about one person. */
const PRIVATE: readonly [string, string] = ['cache-control', 'no-store'];

export function setCookies(lines: readonly string[]): readonly (readonly [string, string])[] {
  return lines.map((line) => ['set-cookie', line] as const);
}

export function redirect(location: string, cookies: readonly string[]): Reply {
  // 303: whatever was sent, the next request is a GET (RFC 9110 section 15.4.4).
  return { status: 303, headers: [['location', location], PRIVATE, ...setCookies(cookies)], body: '' };
}

export function loginProblem(status: number, detail: string, cookies: readonly string[] = []): Reply {
  return problem(status, detail, [PRIVATE, ...setCookies(cookies)]);
}

/** The provider hangs or is being restarted. */
export function providerAway(cookies: readonly string[] = []): Reply {
  return problem(503, 'The login is not available at the moment.', [
    PRIVATE,
    ['retry-after', '5'],
    ...setCookies(cookies),
  ]);
}
