import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileAccessFormat } from './access-format.ts';
import { type AccessRecord, emptyAccessRecord } from './access-record.ts';
import { milliseconds, rfc3339, withoutQuery } from './access-values.ts';

const RECORD: AccessRecord = {
  timeMs: Date.UTC(2026, 10, 24, 9, 30, 57, 42),
  requestId: '0192f3c4',
  clientAddress: '203.0.113.7',
  method: 'GET',
  host: 'api.example.com',
  path: '/users/1',
  query: 'token=abc',
  protocol: 'HTTP/1.1',
  status: 200,
  bytesIn: 0,
  bytesOut: 212,
  durationMs: 12.03456,
  upstreamMs: 11,
  route: 'GatewayRoute/shop/users',
  rule: 'read',
  service: 'users.shop',
  endpoint: '10.0.0.4:8080',
  tries: 2,
  error: '',
  refusal: 'jwt expired',
  userAgent: 'curl/8',
  referer: 'https://shop.example.com/cart?session=1#pay',
  connectionReused: true,
  tls: { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256', serverName: 'api.example.com' },
};

/** Any code unit: quotes, controls, line separators, lone surrogates. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc
    .array(
      fc.constantFrom('"', '\\', '\n', '\r', '\0', '\u2028', '\ud800', '\udfff', 'é', '\x7f', 'a', '}'),
      {
        maxLength: 40,
      },
    )
    .map((units) => units.join('')),
  fc.string({ minLength: 500, maxLength: 3_000 }),
);
const anyRecord = fc.record({
  requestId: fc.stringMatching(/^[\w.:/+=@-]{0,128}$/),
  clientAddress: anyText,
  method: anyText,
  host: anyText,
  path: anyText,
  query: anyText,
  protocol: anyText,
  route: anyText,
  rule: anyText,
  service: anyText,
  endpoint: anyText,
  error: anyText,
  userAgent: anyText,
  referer: anyText,
});

describe('access log in JSON', () => {
  it('has every field, and no query unless it is asked for', () => {
    const line = compileAccessFormat({ kind: 'json' })(RECORD);
    const { query: _, ...rest } = RECORD;
    const { timeMs: __, ...fields } = rest;
    expect(JSON.parse(line)).toEqual({
      ...fields,
      time: '2026-11-24T09:30:57.042Z',
      durationMs: 12.035,
      error: null,
      referer: 'https://shop.example.com/cart',
    });
    expect(JSON.parse(compileAccessFormat({ kind: 'json', query: true })(RECORD)).query).toBe('token=abc');
  });

  it('has null where there is nothing', () => {
    const parsed = JSON.parse(compileAccessFormat({ kind: 'json' })(emptyAccessRecord()));
    expect(parsed).toMatchObject({
      upstreamMs: null,
      route: null,
      service: null,
      error: null,
      userAgent: null,
      tls: null,
    });
    const tls = { version: 'TLSv1.2', cipher: 'X', serverName: '' };
    expect(JSON.parse(compileAccessFormat({ kind: 'json' })({ ...RECORD, tls })).tls.serverName).toBeNull();
  });

  it('says of each what it says of it alone, whatever came before', () => {
    const few = fc.constantFrom('', 'a', 'b', 'a"b');
    const record = fc.record({
      ...{ clientAddress: few, method: few, host: few, path: few, protocol: few, route: few, rule: few },
      ...{ service: few, endpoint: few, error: few, refusal: few, userAgent: few, referer: few },
      ...{ status: fc.constantFrom(200, 404), tries: fc.nat(2), connectionReused: fc.boolean() },
      tls: fc.constantFrom(null, RECORD.tls, { version: 'a', cipher: 'b', serverName: 'c"d' }),
    });
    const format = compileAccessFormat({ kind: 'json' });
    const shown = (value: unknown) => (value === '' ? null : value);
    fc.assert(
      // One or two fields change from one line to the next.
      fc.property(
        record,
        fc.array(record, { minLength: 1, maxLength: 20 }),
        fc.infiniteStream(fc.nat(15)),
        (first, others, at) => {
          let now = { ...RECORD, ...first };
          for (const other of others) {
            const names = Object.keys(other) as (keyof typeof other)[];
            const name = names[at.next().value! % names.length]!;
            now = { ...now, [name]: other[name] };
            const parsed = JSON.parse(format(now));
            for (const each of names) {
              const always = ['clientAddress', 'method', 'host', 'path', 'protocol'].includes(each);
              expect([each, parsed[each]]).toEqual([each, always ? now[each] : shown(now[each])]);
            }
          }
        },
      ),
    );
  });

  it('stays one ASCII line that parses to the same texts, whatever a client sends', () => {
    const format = compileAccessFormat({ kind: 'json', query: true });
    fc.assert(
      fc.property(anyRecord, (texts) => {
        const line = format({ ...RECORD, ...texts });
        expect(line).toMatch(/^[ -~]+\n$/);
        const parsed = JSON.parse(line);
        const shown = (text: string, max: number) =>
          text.length > max ? `${text.slice(0, max)}...`.toWellFormed() : text.toWellFormed();
        expect(parsed.path).toBe(shown(texts.path, 2_048));
        expect(parsed.host).toBe(shown(texts.host, 512));
        expect(parsed.query ?? '').toBe(shown(texts.query, 2_048));
        expect(parsed.userAgent ?? '').toBe(shown(texts.userAgent, 512));
        expect(parsed.requestId).toBe(texts.requestId);
      }),
    );
  });
});

describe('access log by template', () => {
  it('writes fields, doubled braces and literals as they are', () => {
    const template =
      '{clientAddress} [{commonTime}] "{method} {path}" {status} {{{tries}}} \t{referer} {error} {tlsVersion} {tlsCipher} {tlsServerName}';
    expect(compileAccessFormat({ kind: 'template', template })(RECORD)).toBe(
      '203.0.113.7 [24/Nov/2026:09:30:57 +0000] "GET /users/1" 200 {2} \thttps://shop.example.com/cart - TLSv1.3 TLS_AES_128_GCM_SHA256 api.example.com\n',
    );
  });

  it('keeps a line one line, and a quoted field inside its quotes, whatever a client sends', () => {
    const format = compileAccessFormat({
      kind: 'template',
      template: '"{path}" "{userAgent}" "{query}" "{host}"',
    });
    fc.assert(
      fc.property(anyRecord, (texts) => {
        expect(format({ ...RECORD, ...texts })).toMatch(
          /^"([ !#-~]+)" "([ !#-~]+)" "([ !#-~]+)" "([ !#-~]+)"\n$/,
        );
      }),
    );
  });

  it('writes literals in ASCII, too, and ends the line once', () => {
    const line = compileAccessFormat({ kind: 'template', template: 'a\nb é "\\" {status}' })(RECORD);
    expect(line).toBe('a\\x0Ab \\xE9 "\\" 200\n');
  });

  it.each([
    ['{nope}', /no field \{nope\}.*requestId/],
    ['{constructor}', /no field \{constructor\}/],
    ['{}', /no field \{\}/],
    ['a { b', /'\{' at character 3.*'\{\{'/],
    ['a } b', /'\}' at character 3/],
  ])('refuses %s with a message that says what to do', (template, message) => {
    expect(() => compileAccessFormat({ kind: 'template', template })).toThrow(message);
  });
});

describe('values of log fields', () => {
  it('print times like Date, and milliseconds to the nearest thousandth', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e12 }), (timeMs) => {
        expect(rfc3339(timeMs)).toBe(new Date(timeMs).toISOString());
        expect(rfc3339(timeMs + 0.7)).toBe(new Date(timeMs).toISOString());
      }),
    );
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (ms) => {
        expect(Number(milliseconds(ms))).toBeCloseTo(ms, 2);
        expect(milliseconds(ms)).toMatch(/^\d+\.\d{3}$/);
      }),
    );
    expect(milliseconds(Number.NaN)).toBe('0.000');
    expect(milliseconds(0.9996)).toBe('1.000');
  });

  it('cut query and fragment, whichever comes first', () => {
    expect(['/a?b#c', '/a#b?c', '/a#b', '/a'].map(withoutQuery)).toEqual(['/a', '/a', '/a', '/a']);
  });
});
