import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createProgramLog } from './log.ts';
import { isSensitiveName, redact, redactText } from './redact.ts';

const SECRET = 'Zx9Qv4Tk7LmN2pRs';

function capture() {
  const lines: string[] = [];
  const log = createProgramLog({ level: 'info', destination: { write: (line: string) => lines.push(line) } });
  return { log, lines };
}

describe('the program log', () => {
  it('writes JSON lines with level, time, fields and message', () => {
    const { log, lines } = capture();
    log.info({ generation: 3, file: 'a.yaml' }, 'applied');
    log.debug({}, 'not at this level');
    expect(lines).toHaveLength(1);
    const { time, ...rest } = JSON.parse(lines[0]!);
    expect(rest).toEqual({ level: 'info', generation: 3, file: 'a.yaml', message: 'applied' });
    expect(new Date(time).toISOString()).toBe(time);
  });

  it('prints no secret, wherever it stands', () => {
    const error = new Error(`connect redis://gateway:${SECRET}@redis:6379/0 failed`, {
      cause: new Error(`sent Authorization: Bearer ${SECRET}`),
    });
    Object.assign(error, { password: SECRET, request: { headers: { cookie: `sid=${SECRET}` } } });
    const { log, lines } = capture();
    log.error(error);
    log.error({ err: error }, `fetch https://u:${SECRET}@idp.example.com/keys failed`);
    log.warn({ headers: { authorization: `Basic ${SECRET}`, 'X-Api-Key': SECRET } }, 'headers');
    log.warn({ nested: [{ deep: { clientSecret: SECRET } }] }, 'got %s', `password=${SECRET}`);
    log.warn({ map: new Map([['token', SECRET]]), bytes: Buffer.from(SECRET) }, 'odd values');
    log.warn(`{"apiKey": "${SECRET}"}`);
    log.warn({ url: new URL(`https://u:${SECRET}@example.com/?access_token=${SECRET}`) }, 'url');
    log.fatal({ jwt: `eyJhbGciOiJIUzI1NiJ9.${SECRET}.${SECRET}` }, 'token');
    log.warn({ key: `-----BEGIN PRIVATE KEY-----\n${SECRET}\n-----END PRIVATE KEY-----` }, 'key');
    expect(lines).toHaveLength(9);
    expect(lines.join('')).not.toContain(SECRET);
    expect(lines.join('')).toContain('idp.example.com/keys failed');
  });

  it('leaves words and names alone', () => {
    for (const text of ['basic checks passed', 'bearer of bad news', 'http://a.example.com/@me', 'codes=3']) {
      expect(redactText(text)).toBe(text);
    }
    const fields = { secretRef: { name: 'a' }, tokenBucket: { capacity: 3 }, secretName: 'b', author: 'c' };
    expect(redact(fields)).toEqual(fields);
    expect(['authorization', 'Set-Cookie', 'X-API-Key', 'client_secret'].every(isSensitiveName)).toBe(true);
  });

  it('prints any value, cycles and depth included', () => {
    const cycle: Record<string, unknown> = { big: 1n, when: new Date(Number.NaN), call: () => 1 };
    cycle.self = cycle;
    const { log, lines } = capture();
    log.info(cycle, 'cycle');
    expect(JSON.parse(lines[0]!).self.self.big).toBe('1');
    fc.assert(
      fc.property(fc.anything({ withMap: true, withSet: true, withNullPrototype: true }), (value) => {
        log.info({ value }, 'any');
        expect(JSON.parse(lines.pop()!)).toMatchObject({ message: 'any' });
      }),
    );
  });
});
