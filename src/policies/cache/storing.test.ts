import { describe, expect, it } from 'vitest';
import type { CacheConfig } from './config.ts';
import { settingsOf } from './config.ts';
import { freshen, judge, Lines } from './storing.ts';

const CONFIG: CacheConfig = {
  errorTtl: [],
  heuristic: false,
  key: { headers: [], users: 'separate' },
  authorization: 'rfc',
  cookies: 'rfc',
  setCookie: 'refuse',
  maxBody: '1Mi',
  maxVariants: 32,
  requestDirectives: 'honour',
  wait: '5s',
  cacheStatus: true,
};

interface Circumstances {
  readonly status?: number;
  readonly authorization?: boolean;
  readonly cookie?: boolean;
  readonly config?: Partial<CacheConfig>;
}

function judged(lines: readonly (readonly [string, string])[], given: Circumstances = {}) {
  const { status = 200, authorization = false, cookie = false } = given;
  const config = { ...CONFIG, ...given.config };
  const asking = { hasAuthorization: authorization, hasCookie: cookie, askedAtMs: Date.now(), marks: ['m'] };
  return judge(new Lines(status, lines), asking, config, settingsOf(config));
}

/** Seconds for which it is fresh; null: it is not kept. */
function seconds(lines: readonly (readonly [string, string])[], given: Circumstances = {}): number | null {
  const verdict = judged(lines, given);
  return verdict.kind === 'keep' ? Math.round(verdict.head.lifetimeMs / 1000) : null;
}

const cc = (value: string): readonly [string, string] => ['cache-control', value];
const date = (inSeconds: number): string => new Date(Date.now() + inSeconds * 1000).toUTCString();

describe('how long', () => {
  it.each<[readonly (readonly [string, string])[], Circumstances, number | null]>([
    [[cc('max-age=60')], {}, 60],
    [[cc('max-age=60, s-maxage=5')], {}, 5],
    [[cc('max-age=60'), ['cdn-cache-control', 'max-age=7']], {}, 7],
    [[cc('no-store'), ['cdn-cache-control', 'max-age=7']], {}, 7],
    [[cc('max-age=60'), ['cdn-cache-control', 'no-store']], {}, null],
    [[cc('max-age=60'), ['expires', 'nonsense']], {}, 60],
    [
      [
        ['expires', '0'],
        ['etag', '"a"'],
      ],
      {},
      0,
    ],
    [[], {}, null],
    [[['etag', '"a"']], {}, 0],
    [[['last-modified', date(-1000)]], {}, 0],
    [[cc('max-age=60'), ['age', 'x'], ['etag', '"a"']], {}, 0],
    [[cc('max-age=60')], { config: { ttl: '5s' } }, 5],
    [[], { config: { ttl: '5s' } }, 5],
    [[cc('no-store')], { config: { ttl: '5s' } }, null],
    [[cc('private')], { config: { ttl: '5s' } }, null],
    [[], { status: 302, config: { ttl: '5s' } }, null],
    [[cc('max-age=60')], { status: 302 }, 60],
    [[cc('max-age=60')], { status: 404 }, 60],
    [[cc('max-age=60')], { status: 500 }, null],
    [[], { status: 500, config: { errorTtl: [{ status: 500, ttl: '2s' }] } }, 2],
    [[cc('max-age=60')], { status: 206 }, null],
    [[cc('max-age=60, must-understand, no-store')], { status: 200 }, 60],
    [[cc('max-age=60, must-understand')], { status: 299 }, null],
    [[cc('max-age=60'), ['set-cookie', 'a=b']], {}, null],
    [[cc('max-age=60'), ['set-cookie', 'a=b']], { config: { setCookie: 'strip' } }, 60],
    [[cc('max-age=60')], { authorization: true }, null],
    [[cc('max-age=60, public')], { authorization: true }, 60],
    [[cc('max-age=60')], { authorization: true, config: { authorization: 'key' } }, 60],
    [[cc('max-age=60')], { cookie: true }, 60],
    [[cc('max-age=60'), ['vary', 'a, *']], {}, null],
    [[cc('max-age=60'), ['content-type', 'text/event-stream']], {}, null],
  ])('%j in %j: %j', (lines, given, expected) => {
    expect(seconds(lines, given)).toBe(expected);
  });

  it('is guessed only when asked for, by a tenth, for those without cookies', () => {
    const lines = [['last-modified', date(-1000)]] as const;
    const config = { heuristic: true };
    expect(seconds(lines, { config })).toBeGreaterThanOrEqual(99);
    expect(seconds(lines, { config })).toBeLessThanOrEqual(101);
    expect(seconds(lines, { config, status: 404 })).toBeNull();
    expect(seconds(lines, { config, cookie: true })).toBeNull();
  });

  it('counts what it was on the way', () => {
    const verdict = judged([cc('max-age=60'), ['age', '50'], ['date', date(-10)]]);
    if (verdict.kind !== 'keep') throw new Error('it is not kept');
    expect(Math.round(verdict.head.initialAgeMs / 1000)).toBe(50);
  });
});

describe('what of a head', () => {
  it('is kept', () => {
    const verdict = judged([
      cc('max-age=60, no-cache="x-once", private="x-mine"'),
      ['connection', 'x-hop, close'],
      ['x-hop', '1'],
      ['x-once', '1'],
      ['x-mine', '1'],
      ['set-cookie2', 'a'],
      ['server', 'theirs'],
      ['cache-tag', 'a, b ,,a'],
      ['surrogate-key', 'c  d'],
      ['vary', 'B, a , b'],
      ['x-kept', '1'],
      ['x-kept', '2'],
    ]);
    if (verdict.kind !== 'keep') throw new Error('it is not kept');
    const names = verdict.head.headers.map(([name]) => name);
    expect(names).toEqual(['cache-control', 'set-cookie2', 'vary', 'x-kept', 'x-kept', 'date']);
    expect(verdict.vary).toEqual(['a', 'b']);
    expect(verdict.head.marks).toEqual(['m', 'tag a', 'tag b', 'tag c', 'tag d']);
  });

  it('a 304 makes new', () => {
    const kept = judged([
      cc('max-age=1'),
      ['etag', '"1"'],
      ['content-encoding', 'gzip'],
      ['x', '1'],
      ['y', '1'],
    ]);
    if (kept.kind !== 'keep') throw new Error('it is not kept');
    const update = new Lines(304, [
      cc('max-age=9'),
      ['etag', '"2"'],
      ['content-length', '0'],
      ['x', '2'],
      ['x', '3'],
    ]);
    const fresh = freshen(kept.head, update);
    expect(fresh.status).toBe(200);
    expect(fresh.header('cache-control')).toBe('max-age=9');
    expect(fresh.header('x')).toBe('2, 3');
    expect(fresh.header('y')).toBe('1');
    expect(fresh.header('etag')).toBe('"1"');
    expect(fresh.header('content-encoding')).toBe('gzip');
    expect(fresh.header('content-length')).toBeNull();
  });
});
