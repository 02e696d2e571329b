import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, startGateway } from './support/gateway.ts';
import { headerLinesOf } from './support/http-text.ts';
import { get, head, rawRequest } from './support/raw-client.ts';
import { forwardAll } from './support/resources.ts';
import { answering, RecordingUpstream } from './support/upstream.ts';

/** What a client may say about itself, and what reaches the backend of it. */
let upstream: RecordingUpstream;
let plain: Gateway;
let trusting: Gateway;

beforeAll(async () => {
  upstream = await RecordingUpstream.start(answering('ok', 'Server: backend/1.0', 'X-Powered-By: backend'));
  plain = await startGateway({ files: forwardAll(upstream.port) });
  trusting = await startGateway({
    files: forwardAll(upstream.port),
    settings: {
      trustedProxies: ['127.0.0.0/8'],
      serverHeader: 'edge',
      via: 'edge',
      timestampHeader: true,
      responseTimeHeader: true,
    },
  });
});
afterAll(async () => {
  await plain?.stop();
  await trusting?.stop();
  await upstream?.stop();
});

/** The lines of that name which reach the backend. */
async function seen(gateway: Gateway, name: string, ...lines: string[]): Promise<string[]> {
  const answer = await get(gateway.port, '/identity', ...lines);
  expect(answer.status, JSON.stringify(answer)).toBe(200);
  return headerLinesOf(upstream.last.head, name);
}

describe('an untrusted peer', () => {
  it('gets its own address in X-Forwarded-For, whatever it says', async () => {
    expect(await seen(plain, 'x-forwarded-for')).toEqual(['127.0.0.1']);
    expect(await seen(plain, 'x-forwarded-for', 'X-Forwarded-For: 6.6.6.6')).toEqual(['127.0.0.1']);
    expect(
      await seen(plain, 'x-forwarded-for', 'X-Forwarded-For: 6.6.6.6', 'x-FORWARDED-for: 7.7.7.7'),
    ).toEqual(['127.0.0.1']);
  });

  it('cannot choose scheme, host, port or address', async () => {
    const lies = [
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: evil.test',
      'X-Forwarded-Port: 6666',
      'X-Forwarded-Prefix: /evil',
      'X-Forwarded-Server: evil.test',
      'X-Real-IP: 6.6.6.6',
      'X-Original-URL: /evil',
      'X-Rewrite-URL: /evil',
      'Forwarded: for=6.6.6.6;proto=https;host=evil.test',
      'True-Client-IP: 6.6.6.6',
    ];
    expect(await seen(plain, 'x-forwarded-proto', ...lies)).toEqual(['http']);
    expect(headerLinesOf(upstream.last.head, 'x-forwarded-host')).toEqual(['shop.test']);
    for (const name of ['x-forwarded-prefix', 'x-forwarded-server', 'x-original-url', 'x-rewrite-url']) {
      expect(headerLinesOf(upstream.last.head, name), name).toEqual([]);
    }
    expect(['', '127.0.0.1']).toContain(headerLinesOf(upstream.last.head, 'x-real-ip').join());
    const forwarded = headerLinesOf(upstream.last.head, 'forwarded');
    expect(forwarded).toHaveLength(1);
    expect(forwarded[0]).toMatch(/for="?127\.0\.0\.1/);
    for (const lie of ['6.6.6.6', 'evil', '6666', 'https']) {
      const said = upstream.last.head.headers.filter(([name]) => name !== 'true-client-ip');
      expect(JSON.stringify(said), lie).not.toContain(lie);
    }
  });

  it('gets a fresh X-Request-ID, other for every request', async () => {
    const first = await seen(plain, 'x-request-id', 'X-Request-ID: chosen');
    const second = await seen(plain, 'x-request-id', 'X-Request-ID: chosen');
    expect(first).toHaveLength(1);
    expect(first[0]).not.toBe('chosen');
    expect(first[0]!.length).toBeGreaterThanOrEqual(16);
    expect(second).not.toEqual(first);
  });

  it('cannot remove what the gateway says by naming it in Connection', async () => {
    const names = 'X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, Forwarded, X-Request-ID, Host, Via';
    expect(await seen(plain, 'x-forwarded-for', `Connection: close, ${names}`)).toEqual(['127.0.0.1']);
    for (const name of names.toLowerCase().split(', ').slice(0, 6)) {
      expect(headerLinesOf(upstream.last.head, name), name).toHaveLength(1);
    }
    expect(headerLinesOf(upstream.last.head, 'connection').join()).not.toMatch(/forwarded|close/i);
  });

  it('cannot smuggle one name as another spelling of it', async () => {
    await seen(plain, 'x', 'X_Forwarded_For: 6.6.6.6', 'X_Real_IP: 6.6.6.6', 'X-Forwarded_Proto: https');
    expect(JSON.stringify(upstream.last.head.headers)).not.toContain('6.6.6.6');
    expect(JSON.stringify(upstream.last.head.headers)).not.toContain('https');
  });
});

it('of X-User and X_User only one reaches a backend that can not tell them apart', async () => {
  expect(await seen(plain, 'x-user', 'X_User: evil', 'X-User: good', 'X__USER: evil')).toEqual(['good']);
  expect(JSON.stringify(upstream.last.head.headers)).not.toContain('evil');
});

describe('a trusted peer', () => {
  it('is appended to X-Forwarded-For', async () => {
    const lines = await seen(trusting, 'x-forwarded-for', 'X-Forwarded-For: 9.9.9.9');
    expect(lines.join(', ')).toBe('9.9.9.9, 127.0.0.1');
  });

  it('passes on scheme, host and request identity', async () => {
    const lines = ['X-Forwarded-Proto: https', 'X-Forwarded-Host: outer.test', 'X-Request-ID: abc-123'];
    expect(await seen(trusting, 'x-forwarded-proto', ...lines)).toEqual(['https']);
    expect(headerLinesOf(upstream.last.head, 'x-forwarded-host')).toEqual(['outer.test']);
    expect(headerLinesOf(upstream.last.head, 'x-request-id')).toEqual(['abc-123']);
  });

  it('is appended to Forwarded', async () => {
    const lines = await seen(trusting, 'forwarded', 'Forwarded: for=9.9.9.9');
    expect(lines.join(', ')).toMatch(/^for=9\.9\.9\.9, ?.*for="?127\.0\.0\.1/);
  });

  it('cannot inject by an identity that is not one', async () => {
    const long = 'a'.repeat(5000);
    const [identity] = await seen(trusting, 'x-request-id', `X-Request-ID: ${long}`);
    expect(identity).not.toBe(long);
    const [proto] = await seen(trusting, 'x-forwarded-proto', 'X-Forwarded-Proto: javascript:alert(1)');
    expect(['http', 'https']).toContain(proto);
  });
});

describe('hop-by-hop fields of a request', () => {
  it('go, with those that Connection names', async () => {
    const answer = await rawRequest(
      plain.port,
      head(
        'GET /hop',
        'Connection: keep-alive, X-Hop',
        'Connection: X-Other-Hop',
        'Keep-Alive: timeout=5',
        'Proxy-Connection: keep-alive',
        'Proxy-Authorization: Basic eDp5',
        'X-Hop: 1',
        'x-other-hop: 2',
        'TE: gzip',
        'Trailer: X-Sum',
        'X-End: to-end',
      ),
    );
    expect(answer.status).toBe(200);
    const names = upstream.last.head.headers.map(([name]) => name);
    for (const gone of ['keep-alive', 'proxy-connection', 'x-hop', 'x-other-hop'])
      expect(names).not.toContain(gone);
    expect(headerLinesOf(upstream.last.head, 'te').join()).not.toContain('gzip');
    expect(headerLinesOf(upstream.last.head, 'x-end')).toEqual(['to-end']);
  });

  it('names of JavaScript are only names', async () => {
    const lines = ['__proto__: a', 'constructor: b', 'prototype: c', 'toString: d', 'hasOwnProperty: e'];
    const answer = await get(plain.port, '/__proto__/constructor?__proto__=1&constructor=2', ...lines);
    expect(answer.status).toBe(200);
    expect(upstream.last.target).toBe('/__proto__/constructor?__proto__=1&constructor=2');
    expect(headerLinesOf(upstream.last.head, 'constructor')).toEqual(['b']);
    const cookies = await get(plain.port, '/', 'Cookie: __proto__=x; constructor=y', 'Connection: __proto__');
    expect(cookies.status).toBe(200);
  });

  it('several lines of one name stay several, in order', async () => {
    expect(await seen(plain, 'x-role', 'X-Role: a', 'X-Other: o', 'X-Role: b')).toEqual(['a', 'b']);
  });

  it('bytes above 127 in a value stay what they are', async () => {
    expect(await seen(plain, 'x-latin', 'X-Latin: caf\xe9')).toEqual(['caf\xe9']);
  });
});

describe('what answers say', () => {
  it("Server: none, and not the backend's", async () => {
    expect(headerLinesOf(await get(plain.port, '/'), 'server')).toEqual([]);
  });

  it('Server: as configured, also on errors', async () => {
    expect(headerLinesOf(await get(trusting.port, '/'), 'server')).toEqual(['edge']);
    expect(headerLinesOf(await get(trusting.port, '/%zz'), 'server')).toEqual(['edge']);
  });

  it('Via: as configured, both ways', async () => {
    const answer = await get(trusting.port, '/', 'Via: 1.0 outer');
    expect(headerLinesOf(answer, 'via')).toEqual(['1.1 edge']);
    expect(headerLinesOf(upstream.last.head, 'via').join(', ')).toBe('1.0 outer, 1.1 edge');
  });

  it('X-Gateway-Timestamp and X-Gateway-Response-Time where they are switched on', async () => {
    const answer = await get(trusting.port, '/', 'X-Gateway-Timestamp: 1');
    const stamps = headerLinesOf(upstream.last.head, 'x-gateway-timestamp');
    expect(stamps).toHaveLength(1);
    expect(Number(stamps[0])).toBeGreaterThan(1_700_000_000);
    expect(headerLinesOf(answer, 'x-gateway-response-time').join()).toMatch(/^\d+(\.\d+)?$/);
    await get(plain.port, '/');
    expect(headerLinesOf(upstream.last.head, 'x-gateway-timestamp')).toEqual([]);
  });

  it('Date is there once', async () => {
    expect(headerLinesOf(await get(plain.port, '/'), 'date')).toHaveLength(1);
    expect(headerLinesOf(await get(plain.port, '/%zz'), 'date')).toHaveLength(1);
  });
});
