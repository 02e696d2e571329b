import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CertificatePair } from '../../src/admin/webhook/certificate.ts';
import { certificateFor, fingerprintOf, secretWith, tlsListener } from './support/certificates.ts';
import { type Gateway, startGateway } from './support/gateway.ts';
import { headerOf } from './support/http-text.ts';
import { type ConnectOptions, head, RawClient, rawUntilClose } from './support/raw-client.ts';
import { forward, prefix, route } from './support/resources.ts';
import { askOverTls, curl, metricOf, sClient } from './support/tls-clients.ts';
import { answering, RecordingUpstream } from './support/upstream.ts';
import { until } from './support/wait.ts';

/** Handshakes as clients of all kinds make them, on two threads. */
const HEAD_TIMEOUT = '3s';
type Tls = NonNullable<ConnectOptions['tls']>;
let upstream: RecordingUpstream;
let gateway: Gateway;
/** The first is the default. */
const names = ['shop', 'wild', 'cart'] as const;
const pairs = {} as Record<(typeof names)[number], CertificatePair>;
const scratch = mkdtempSync(join(tmpdir(), 'portreeve-tls-'));

beforeAll(async () => {
  upstream = await RecordingUpstream.start(answering('one'));
  pairs.shop = await certificateFor('shop.test', 'alias.test', 'xn--bcher-kva.test');
  pairs.wild = await certificateFor('*.shop.test');
  pairs.cart = await certificateFor('cart.shop.test');
  for (const name of names) writeFileSync(join(scratch, `${name}.pem`), pairs[name].ca);
  gateway = await startGateway({
    files: {
      'route.yaml': route('all', [
        { ...prefix('/moved'), redirect: { path: { full: '/there' }, host: 'elsewhere.test' } },
        { ...prefix('/strict'), respond: {}, policies: [{ securityHeaders: { hsts: { maxAge: '8760h' } } }] },
        forward('/', upstream.port),
      ]),
      ...Object.fromEntries(names.map((name) => [`${name}.yaml`, secretWith(name, pairs[name])])),
    },
    settings: {
      listeners: [
        tlsListener(names),
        tlsListener(names, 'modern', { minVersion: '1.3' }),
        { name: 'plain', address: '127.0.0.1', port: 0 },
      ],
      timeouts: { head: HEAD_TIMEOUT },
      accessLog: { template: '{path} {tlsVersion} {tlsCipher} {tlsServerName}' },
    },
    ...{ ownListeners: true, threads: 2 },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
  rmSync(scratch, { recursive: true });
});

const portOf = (listener: string): number => gateway.listeners.find(({ name }) => name === listener)!.port;

const metric = (series: string): Promise<number> => metricOf(gateway, series);
const failures = (reason: string): Promise<number> =>
  metric(`gateway_tls_handshake_failures_total{listener="https",reason="${reason}"}`);

/** A client may have the alert before it is counted. */
const isCounted = (reason: string, count: number): Promise<void> =>
  until(async () => (await failures(reason)) === count, `${count} failures by ${reason}`);

async function shownTo(tls: Tls): Promise<string | undefined> {
  const client = await RawClient.connect(gateway.port, { tls });
  client.destroy();
  return names.find((name) => fingerprintOf(pairs[name]) === client.fingerprint);
}

const ask = (tls: Tls, host: string, target?: string) => askOverTls(gateway.port, tls, host, target);

describe('the certificate', () => {
  it.each<[string, string, (typeof names)[number]]>([
    ['the name', 'shop.test', 'shop'],
    ['another name of the same', 'alias.test', 'shop'],
    ['the name in capitals', 'SHOP.TEST', 'shop'],
    ['an international name', 'xn--bcher-kva.test', 'shop'],
    ['a wildcard', 'www.shop.test', 'wild'],
    ['the exact name before the wildcard', 'cart.shop.test', 'cart'],
    ['no wildcard for two labels', 'a.www.shop.test', 'shop'],
    ['an unknown name: the first', 'other.test', 'shop'],
    ['no name: the first', '', 'shop'],
    ['a name of 255 characters: the first', 'a'.repeat(255), 'shop'],
  ])('is that of %s', async (_, servername, expected) => {
    expect(await shownTo({ servername })).toBe(expected);
    expect(await shownTo({ servername, maxVersion: 'TLSv1.2' })).toBe(expected);
  });

  it('is good for curl, which checks name and chain', async () => {
    for (const [host, name] of [
      ['shop.test', 'shop'],
      ['www.shop.test', 'wild'],
    ] as const) {
      const where = [
        '--cacert',
        join(scratch, `${name}.pem`),
        '--resolve',
        `${host}:${gateway.port}:127.0.0.1`,
      ];
      const { code, text } = await curl(...where, `https://${host}:${gateway.port}/`);
      expect([code, text]).toEqual([0, 'one']);
    }
  });
});

describe('versions and protocols', () => {
  it.each([
    ['-tls1_2', 'https', /Protocol *: TLSv1\.2/],
    ['-tls1_3', 'https', /New, TLSv1\.3/],
    ['-tls1_3', 'modern', /New, TLSv1\.3/],
    ['-tls1_2', 'modern', /alert protocol version/],
  ])('%s at %s', async (version, listener, expected) => {
    expect(await sClient(portOf(listener), [version])).toMatch(expected);
  });

  it('TLS 1.1 and weak ciphers are refused, with the right alert', async () => {
    const before = await Promise.all([failures('version'), failures('cipher')]);
    const old = ['-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'];
    expect(await sClient(gateway.port, old)).toMatch(/alert protocol version/);
    for (const cipher of ['AES128-SHA', 'AES128-GCM-SHA256', 'ECDHE-ECDSA-AES128-SHA']) {
      const output = await sClient(gateway.port, ['-tls1_2', '-cipher', cipher]);
      expect(output).toMatch(/alert handshake failure/);
    }
    await isCounted('version', before[0]! + 1);
    await isCounted('cipher', before[1]! + 3);
  });

  it('http/1.1 is chosen, who wants only others is refused (RFC 7301)', async () => {
    const chosen = await sClient(gateway.port, ['-alpn', 'h2,http/1.1']);
    expect(chosen).toMatch(/ALPN protocol: http\/1\.1/);
    const before = await failures('protocol');
    expect(await sClient(gateway.port, ['-alpn', 'h2'])).toMatch(/alert no application protocol/);
    await isCounted('protocol', before + 1);
  });

  it('nobody renegotiates, and the connection goes on', async () => {
    const client = await RawClient.connect(gateway.port, { tls: { maxVersion: 'TLSv1.2' } });
    client.socket.on('error', () => {});
    const refused = new Promise((resolve) => {
      (client.socket as TLSSocket).renegotiate({}, resolve);
    });
    expect(await Promise.race([refused, client.closed()])).not.toBeNull();
    client.destroy();
  });
});

describe('a session', () => {
  /** Of TLS 1.3 it comes after the handshake. */
  async function sessionFor(tls: Tls): Promise<Buffer> {
    const client = await RawClient.connect(gateway.port, { tls });
    let session: Buffer | undefined;
    client.socket.on('session', (given: Buffer) => {
      session = given;
    });
    client.write(head('GET /'));
    await client.answer();
    await until(() => session !== undefined || tls.maxVersion === 'TLSv1.2', 'a session comes');
    session ??= (client.socket as TLSSocket).getSession()!;
    client.destroy();
    return session;
  }
  const isResumed = async (tls: Tls): Promise<boolean> => {
    const client = await RawClient.connect(gateway.port, { tls });
    // The gateway counts a handshake when it has the last of it.
    client.write(head('GET /'));
    await client.answer();
    const isReused = (client.socket as TLSSocket).isSessionReused();
    client.destroy();
    return isReused;
  };

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('of %s is resumed by every thread', async (maxVersion) => {
    const series = `gateway_tls_handshakes_total{listener="https",version="${maxVersion}",resumed="true"}`;
    const before = await metric(series);
    const session = await sessionFor({ maxVersion });
    const all = await Promise.all(Array.from({ length: 16 }, () => isResumed({ maxVersion, session })));
    expect(all).toEqual(all.map(() => true));
    await until(async () => (await metric(series)) === before + 16, 'all are counted');
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'of %s is not resumed under another certificate, nor after the certificate has changed',
    async (maxVersion) => {
      const session = await sessionFor({ maxVersion, servername: 'cart.shop.test' });
      const under = (servername: string) => isResumed({ maxVersion, session, servername });
      expect(await under('cart.shop.test')).toBe(true);
      expect(await under('shop.test')).toBe(false);
      pairs.cart = await certificateFor('cart.shop.test');
      gateway.write('cart.yaml', secretWith('cart', pairs.cart));
      await until(
        async () => (await shownTo({ servername: 'cart.shop.test' })) === 'cart',
        'the changed certificate is shown',
      );
      await until(async () => !(await under('cart.shop.test')), 'no thread resumes it');
    },
  );

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'of %s that is resumed is no way around 421',
    async (maxVersion) => {
      const session = await sessionFor({ maxVersion, servername: 'shop.test' });
      const tls = { maxVersion, session, servername: 'shop.test' };
      expect((await ask(tls, 'alias.test')).status).toBe(200);
      expect((await ask(tls, 'cart.shop.test')).status).toBe(421);
      expect((await ask({ ...tls, servername: 'cart.shop.test' }, 'shop.test')).status).toBe(421);
    },
  );
});

describe('a request for another host than the server name', () => {
  it.each([
    ['shop.test', 'shop.test', 200],
    ['shop.test', 'SHOP.test:443', 200],
    ['shop.test', 'shop.test.', 200],
    ['shop.test', 'alias.test', 200],
    ['shop.test', 'cart.shop.test', 421],
    ['shop.test', 'other.test', 421],
    ['www.shop.test', 'img.shop.test', 200],
    // Another certificate is for it.
    ['www.shop.test', 'cart.shop.test', 421],
    ['other.test', 'other.test', 200],
    ['other.test', 'shop.test', 200],
    ['other.test', 'third.test', 421],
    ['', 'cart.shop.test', 200],
  ])('name %j, host %s: %d', async (servername, host, status) => {
    const answer = await ask({ servername }, host);
    expect(answer.status).toBe(status);
    if (status === 421) expect(headerOf(answer, 'content-type')).toBe('application/problem+json');
  });
});

describe('what a request over TLS sees', () => {
  it('is https, to backends and in redirects; and HSTS is sent, only there', async () => {
    await ask({}, 'shop.test');
    const seen = (name: string) => headerOf(upstream.last.head, name);
    expect(seen('x-forwarded-proto')).toBe('https');
    expect(seen('forwarded')).toBe('for=127.0.0.1;proto=https;host=shop.test');
    expect(headerOf(await ask({}, 'shop.test', '/moved'), 'location')).toBe('https://elsewhere.test/there');
    expect(headerOf(await ask({}, 'shop.test', '/strict'), 'strict-transport-security')).toMatch(/max-age/);
    await ask({ maxVersion: 'TLSv1.2' }, 'shop.test', '/logged');
    const logged = '/logged TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 shop.test\n';
    await until(() => gateway.program.stdout.includes(logged), 'it is logged');
    const plain = await RawClient.connect(portOf('plain'));
    plain.write(head('GET /strict'));
    expect(headerOf(await plain.answer(), 'strict-transport-security')).toBeNull();
    plain.destroy();
  });
});

describe('what is no handshake', () => {
  it('plain HTTP gets 400 in plain HTTP, and is counted', async () => {
    const before = await failures('plainHttp');
    const { responses, ending } = await rawUntilClose(
      gateway.port,
      `${head('POST /', 'Content-Length: 5')}hello`,
    );
    expect(responses.map(({ status }) => status)).toEqual([400]);
    expect(ending).toBe('end');
    const { text } = await curl('-w', '%{http_code}', '-o', '/dev/null', `http://127.0.0.1:${gateway.port}/`);
    expect(text).toBe('400');
    await isCounted('plainHttp', before + 2);
  });

  it('garbage gets an alert, and costs nobody else anything', async () => {
    const before = await failures('malformed');
    for (const bytes of [
      '\x16\x03\x01\x00\x05hello',
      '\x00'.repeat(200),
      '\x16\x03\x01\x00\x04\x01\x00\x00\x00',
    ]) {
      await rawUntilClose(gateway.port, bytes);
    }
    await isCounted('malformed', before + 3);
    expect((await ask({}, 'shop.test')).status).toBe(200);
  });

  it('who closes before a byte is not counted, who closes in the middle is', async () => {
    const total = async () =>
      (await failures('closed')) + (await failures('timeout')) + (await failures('other'));
    const before = await total();
    const silent = await RawClient.connect(gateway.port, { tls: null });
    silent.end();
    await silent.closed();
    const half = await RawClient.connect(gateway.port, { tls: null });
    half.write('\x16\x03\x01');
    half.end();
    await half.closed();
    await until(async () => (await total()) === before + 1, 'one is counted');
  });

  it('handshakes that are slow are cut by the head time-out, and keep nobody from being served', async () => {
    const before = await failures('timeout');
    const open = () => metric('gateway_connections_open{listener="https"}');
    const slow = await Promise.all(
      Array.from({ length: 100 }, () => RawClient.connect(gateway.port, { tls: null })),
    );
    const hello = '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'.padEnd(60, 'r');
    const dribble = slow.slice(0, 50).map((client) => client.writePieces(hello, 80));
    const served = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) expect((await ask({}, 'shop.test')).status).toBe(200);
    };
    await Promise.all([served(), ...dribble]);
    await Promise.all(slow.map((client) => client.closed()));
    // On a machine that stalls some are cut before their first byte, and those are nobody's handshake.
    expect(await failures('timeout')).toBeGreaterThan(before);
    await until(async () => (await open()) === 0, 'all are gone');
  });
});
