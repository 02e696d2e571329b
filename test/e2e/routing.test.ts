import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, startGateway } from './support/gateway.ts';
import { headerOf, type ParsedResponse } from './support/http-text.ts';
import { get, head, rawRequest } from './support/raw-client.ts';
import { backend, forward, prefix, route } from './support/resources.ts';
import { answering, RecordingUpstream } from './support/upstream.ts';
import { until } from './support/wait.ts';

/** What a rule does with a request, seen from both ends. */
let a: RecordingUpstream;
let b: RecordingUpstream;
let mirrored: RecordingUpstream;
let gateway: Gateway;

beforeAll(async () => {
  a = await RecordingUpstream.start(answering('a'));
  b = await RecordingUpstream.start(answering('b'));
  mirrored = await RecordingUpstream.start(answering('mirrored'));
  const both = { backends: [backend(a.port, b.port)] };
  gateway = await startGateway({
    files: {
      'route.yaml': route('all', [
        {
          ...prefix('/weighted'),
          backends: [
            { ...backend(a.port), weight: 3 },
            { ...backend(b.port), weight: 1 },
          ],
        },
        { ...prefix('/round'), ...both, balancing: 'roundRobin' },
        { ...prefix('/random'), ...both, balancing: 'random' },
        { ...prefix('/least'), ...both, balancing: 'leastRequest' },
        forward('/mirror', a.port, { mirror: [{ ...backend(mirrored.port), percent: 100 }] }),
        forward('/unmirrored', a.port, { mirror: [{ ...backend(mirrored.port), percent: 0 }] }),
        { ...prefix('/redirect'), redirect: { status: 301, path: { replacePrefix: '/new' } } },
        { ...prefix('/secure'), redirect: { status: 308, scheme: 'https', host: 'safe.test', port: 8443 } },
        {
          ...prefix('/fixed'),
          respond: { status: 418, headers: [{ name: 'X-Pot', value: 'tea' }], body: 'short and stout' },
        },
        forward('/strip', a.port, { rewrite: { path: { replacePrefix: '/' } } }),
        forward('/full', a.port, { rewrite: { path: { full: '/all/of/it' }, host: 'other.test' } }),
        forward('/pattern', a.port, {
          rewrite: { path: { regex: { pattern: '^/pattern/([a-z]+)', substitution: '/p/$1' } } },
        }),
        { ...prefix('/by-url'), backends: [{ url: `http://127.0.0.1:${a.port}` }] },
        { matches: [{ path: { exact: '/only' } }], backends: [backend(a.port)] },
        { matches: [{ path: { template: '/users/{id}/orders' } }], backends: [backend(a.port)] },
        { matches: [{ path: { regex: '/items/[0-9]+' } }], backends: [backend(a.port)] },
        {
          matches: [
            { path: { prefix: '/match' }, methods: ['GET'], headers: [{ name: 'X-Canary', exact: 'yes' }] },
          ],
          backends: [backend(b.port)],
        },
        { matches: [{ path: { prefix: '/match' } }], backends: [backend(a.port)] },
      ]),
      'host.yaml': route('host', [forward('/', b.port)], { hosts: ['b.test', '*.wild.test'] }),
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  for (const upstream of [a, b, mirrored]) await upstream?.stop();
});

async function bodies(target: string, count: number): Promise<string[]> {
  const all: string[] = [];
  for (let i = 0; i < count; i++) all.push((await get(gateway.port, target)).body);
  return all;
}

function share(all: readonly string[], body: string): number {
  return all.filter((each) => each === body).length / all.length;
}

describe('balancing', () => {
  it('weights hold', async () => {
    const part = share(await bodies('/weighted', 400), 'a');
    expect(part).toBeGreaterThan(0.6);
    expect(part).toBeLessThan(0.9);
  });
  it('round robin takes turns', async () => {
    const all = await bodies('/round', 20);
    expect(share(all, 'a')).toBe(0.5);
    for (let i = 1; i < all.length; i++) expect(all[i]).not.toBe(all[i - 1]);
  });
  it('random takes both', async () => {
    const part = share(await bodies('/random', 200), 'a');
    expect(part).toBeGreaterThan(0.25);
    expect(part).toBeLessThan(0.75);
  });
  it('least request avoids a busy endpoint', async () => {
    b.script = () => undefined;
    const hanging: Promise<unknown>[] = [];
    while (!b.requests.some((request) => request.target === '/least/hang')) {
      const one = get(gateway.port, '/least/hang').catch(() => null);
      hanging.push(one);
      await Promise.race([one, until(() => b.last.target === '/least/hang', 'one request hangs at b')]);
    }
    const before = b.requests.length;
    expect(share(await bodies('/least/free', 20), 'a')).toBe(1);
    expect(b.requests.length).toBe(before);
    b.script = answering('b');
    for (const connection of b.connections) connection.socket.destroy();
    await Promise.all(hanging);
  });
});

describe('mirroring', () => {
  it('sends a copy, body and all; its answer is thrown away', async () => {
    const answer = await rawRequest(gateway.port, `${head('POST /mirror?x=1', 'Content-Length: 5')}hello`);
    expect(answer.body).toBe('a');
    await until(() => mirrored.requests.some((r) => r.target === '/mirror?x=1'), 'the copy is there');
    expect((await mirrored.last.whole()).body).toBe('hello');
  });
  it('a copy that fails or hangs changes nothing', async () => {
    mirrored.script = (_, connection) => {
      connection.socket.resetAndDestroy();
    };
    expect((await get(gateway.port, '/mirror')).body).toBe('a');
    mirrored.script = () => undefined;
    expect((await get(gateway.port, '/mirror')).body).toBe('a');
  });
  it('0 percent sends none', async () => {
    const before = mirrored.requests.length;
    await bodies('/unmirrored', 20);
    expect(mirrored.requests.length).toBe(before);
  });
});

describe('answers of the gateway itself', () => {
  const location = (answer: ParsedResponse) => [answer.status, headerOf(answer, 'location')];

  it('redirects by prefix, with the query', async () => {
    expect(location(await get(gateway.port, '/redirect/x?y=z'))).toEqual([301, '/new/x?y=z']);
  });
  it('redirects to scheme, host and port', async () => {
    expect(location(await get(gateway.port, '/secure/x'))).toEqual([308, 'https://safe.test:8443/secure/x']);
  });
  it('never lets a path split a redirect', async () => {
    const answer = await get(gateway.port, '/redirect/%0d%0aSet-Cookie:%20evil=1');
    expect(headerOf(answer, 'set-cookie')).toBeNull();
  });
  it('never redirects to another host by a path of two slashes', async () => {
    const answer = await get(gateway.port, '/redirect//evil.test/');
    expect(headerOf(answer, 'location') ?? '').not.toMatch(/^\/\/|^https?:\/\/(?!shop\.test)/);
  });
  it('responds as it is told', async () => {
    const answer = await get(gateway.port, '/fixed');
    expect([answer.status, headerOf(answer, 'x-pot'), answer.body]).toEqual([418, 'tea', 'short and stout']);
  });
  it('404 where no route is', async () => {
    const answer = await get(gateway.port, '/nowhere');
    expect([answer.status, headerOf(answer, 'content-type')]).toEqual([404, 'application/problem+json']);
  });
});

describe('rewrites', () => {
  for (const [sent, seen] of [
    ['/strip/x?y=z', '/x?y=z'],
    ['/strip', '/'],
    ['/full/x?y=z', '/all/of/it?y=z'],
    ['/pattern/abc/rest', '/p/abc/rest'],
  ] as const) {
    it(`${sent} becomes ${seen}`, async () => {
      expect((await get(gateway.port, sent)).status).toBe(200);
      expect(a.last.target).toBe(seen);
    });
  }
  it('the host is rewritten where the rule says so, else kept', async () => {
    await get(gateway.port, '/full');
    expect(a.last.header('host')).toBe('other.test');
    expect(a.last.header('x-forwarded-host')).toBe('shop.test');
    await get(gateway.port, '/strip');
    expect(a.last.header('host')).toBe('shop.test');
  });
  it('a backend by URL gets its own host', async () => {
    await get(gateway.port, '/by-url');
    expect(a.last.header('host')).toBe(`127.0.0.1:${a.port}`);
  });
});

describe('matching', () => {
  const status = async (target: string) => (await get(gateway.port, target)).status;

  it('exact, template, regular expression, prefix on segments', async () => {
    expect(await Promise.all(['/only', '/only/', '/onlyx'].map(status))).toEqual([200, 404, 404]);
    const templates = ['/users/7/orders', '/users//orders', '/users/7/8/orders', '/users/7/ordersx'];
    expect((await Promise.all(templates.map(status)))[0]).toBe(200);
    expect((await Promise.all(templates.slice(2).map(status))).every((s) => s === 404)).toBe(true);
    expect(await Promise.all(['/items/12', '/items/x', '/items/12/x'].map(status))).toEqual([200, 404, 404]);
    expect(await Promise.all(['/fixed', '/fixed/x', '/fixedx'].map(status))).toEqual([418, 418, 404]);
  });
  it('method and header', async () => {
    expect((await get(gateway.port, '/match', 'x-canary: yes')).body).toBe('b');
    expect((await get(gateway.port, '/match', 'x-canary: no')).body).toBe('a');
    expect((await rawRequest(gateway.port, head('DELETE /match', 'x-canary: yes'))).body).toBe('a');
  });
  it('host, exact and wildcard, in any case and with a port', async () => {
    const by = async (host: string) =>
      (await rawRequest(gateway.port, `GET /anything HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).status;
    const hosts = ['b.test', 'B.TEST:8080', 'x.wild.test', 'x.y.wild.test', 'wild.test', 'notb.test'];
    expect(await Promise.all(hosts.map(by))).toEqual([200, 200, 200, 200, 404, 404]);
  });
});
