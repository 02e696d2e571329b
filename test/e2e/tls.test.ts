import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CertificatePair } from '../../src/admin/webhook/certificate.ts';
import { certificateFor, fingerprintOf, secretWith, tlsListener } from './support/certificates.ts';
import { type Gateway, MAIN, startGateway } from './support/gateway.ts';
import { startLoad } from './support/load.ts';
import { Program } from './support/process.ts';
import { type ConnectOptions, get, head, RawClient } from './support/raw-client.ts';
import { forwardAll } from './support/resources.ts';
import { metricOf, sClient } from './support/tls-clients.ts';
import { answering, RecordingUpstream } from './support/upstream.ts';
import { until } from './support/wait.ts';

/** Listeners that speak TLS with certificates of Secrets. */
let upstream: RecordingUpstream;
let gateway: Gateway;
let shop: CertificatePair;

beforeAll(async () => {
  upstream = await RecordingUpstream.start(answering('one'));
  shop = await certificateFor('shop.test');
});
afterAll(() => upstream?.stop());
afterEach(() => gateway.stop());

async function shownTo(tls: NonNullable<ConnectOptions['tls']> = {}): Promise<string> {
  const client = await RawClient.connect(gateway.port, { tls });
  client.destroy();
  return client.fingerprint;
}

describe('a Secret that changes under load', () => {
  it('is shown to new connections, on every thread, and no request fails', async () => {
    gateway = await startGateway({
      files: { ...forwardAll(upstream.port), 'tls.yaml': secretWith('shop-tls', shop) },
      settings: { listeners: [tlsListener(['shop-tls'])] },
      ...{ ownListeners: true, threads: 2 },
    });
    const shown = new Set<string>();
    const load = { port: gateway.port, tls: {}, onConnected: (one: RawClient) => shown.add(one.fingerprint) };
    const loads = [
      startLoad({ ...load, clients: 4 }),
      startLoad({ ...load, clients: 4, requestsPerConnection: 1 }),
    ];
    const kept = await RawClient.connect(gateway.port, { tls: {} });
    const expected = [fingerprintOf(shop)];
    for (let round = 1; round <= 5; round++) {
      const next = await certificateFor('shop.test');
      expected.push(fingerprintOf(next));
      gateway.write('tls.yaml', secretWith('shop-tls', next));
      // The kernel spreads connections over the threads: among so many, each has some.
      const isEverywhere = async () => {
        const seen = await Promise.all(Array.from({ length: 24 }, () => shownTo()));
        return seen.every((one) => one === fingerprintOf(next));
      };
      await until(isEverywhere, `certificate ${round} is shown\n${gateway.log}`, 30_000);
      const answeredBefore = loads.map((one) => one.answered());
      const goesOn = () => loads.every((one, at) => one.answered() >= answeredBefore[at]! + 60);
      await until(goesOn, 'both loads go on', 60_000);
      kept.write(head('GET /kept'));
      expect((await kept.answers(round)).at(-1)!.status).toBe(200);
    }
    const results = await Promise.all(loads.map((one) => one.stop()));
    expect(results.flatMap(({ failures }) => failures)).toEqual([]);
    expect(new Set(expected).isSubsetOf(shown)).toBe(true);
    // The connection from before the first change has its certificate still.
    expect(kept.fingerprint).toBe(expected[0]);
    kept.destroy();
  });
});

describe('a Secret that is missing or bad', () => {
  const ready = async () => JSON.parse((await gateway.admin('/readyz')).text) as Record<string, unknown>;
  const shown = async (servername: string) => shownTo({ servername });

  it('costs its own name only; its last good version goes on serving', async () => {
    const cart = await certificateFor('cart.test');
    gateway = await startGateway({
      files: {
        ...forwardAll(upstream.port),
        'shop.yaml': secretWith('shop-tls', shop),
        'cart.yaml': secretWith('cart-tls', cart),
        'bad.yaml': secretWith('bad-tls', { ...shop, key: cart.key }),
      },
      settings: { listeners: [tlsListener(['shop-tls', 'cart-tls', 'bad-tls', 'missing-tls'])] },
      ownListeners: true,
    });
    expect(await shown('cart.test')).toBe(fingerprintOf(cart));
    const place = (index: number): RegExp => new RegExp(`portreeve\\.yaml:${index}:\\d+: error: `);
    await until(() => gateway.log.includes('missing-tls'), 'the log tells of both');
    const lines = gateway.program.stderr.split('\n').filter((line) => line.includes('"finding"'));
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(place(11));
    expect(lines[0]).toContain('Secret/default/bad-tls has a private key');
    expect(lines[1]).toMatch(place(12));
    expect(lines[1]).toContain('there is no Secret/default/missing-tls');

    const open = await RawClient.connect(gateway.port, { tls: { servername: 'cart.test' } });
    gateway.write('cart.yaml', secretWith('cart-tls', { ...cart, cert: 'nonsense' }));
    await until(() => gateway.log.includes('has no certificate in PEM'), 'the log tells of the change');
    gateway.folder.remove('gateway.d/shop.yaml');
    await until(
      () => gateway.log.includes('there is no Secret/default/shop-tls'),
      'the log tells that it is gone',
    );
    expect(await shown('cart.test')).toBe(fingerprintOf(cart));
    expect(await shown('shop.test')).toBe(fingerprintOf(shop));
    open.write('GET / HTTP/1.1\r\nHost: cart.test\r\n\r\n');
    expect((await open.answer()).status).toBe(200);
    open.destroy();
    for (const { key } of [shop, cart]) {
      const secret = key.split('\n')[1]!;
      expect(gateway.program.output + (await gateway.admin('/config')).text).not.toContain(secret);
    }
  });

  it('leaves a listener without any: handshakes end with an alert, and the gateway says so, until one comes', async () => {
    gateway = await startGateway({
      files: forwardAll(upstream.port),
      settings: { listeners: [tlsListener(['shop-tls']), { name: 'http', address: '127.0.0.1', port: 0 }] },
      ownListeners: true,
    });
    for (const version of ['-tls1_2', '-tls1_3'])
      expect(await sClient(gateway.port, [version])).toMatch(/alert handshake failure/);
    const series = 'gateway_tls_handshake_failures_total{listener="https",reason="noCertificate"}';
    await until(async () => (await metricOf(gateway, series)) === 2, 'both are counted');
    expect(await ready()).toMatchObject({
      ready: true,
      warnings: [{ code: 'listenerWithoutCertificate', message: expect.stringContaining('Listener https') }],
    });
    // Another listener does not care.
    expect((await get(gateway.listeners[1]!.port, '/')).status).toBe(200);
    gateway.write('tls.yaml', secretWith('shop-tls', shop));
    await until(
      async () => (await ready().then(({ warnings }) => warnings as unknown[])).length === 0,
      'it has come',
    );
    await until(
      async () => (await shown('shop.test').catch(() => '')) === fingerprintOf(shop),
      'it is shown',
    );
    const page = (await gateway.admin('/metrics')).text;
    expect(page).toMatch(
      /gateway_tls_certificate_expiry_seconds\{listener="https",secret="default\/shop-tls"\} 1\d{9}/,
    );
  });

  it('is found by validate, in the same words', async () => {
    gateway = await startGateway({
      files: { ...forwardAll(upstream.port), 'bad.yaml': secretWith('bad-tls', { ...shop, key: 'x' }) },
      settings: { listeners: [tlsListener(['bad-tls'])] },
      ownListeners: true,
    });
    const { path } = gateway.folder;
    const args = ['validate', `${path}/gateway.d`, '--config-file', `${path}/portreeve.yaml`];
    const program = new Program(process.execPath, [MAIN, ...args]);
    expect((await program.exited()).code).toBe(1);
    const line = program.output.split('\n').find((one) => one.includes('bad-tls'))!;
    expect(line).toMatch(/portreeve\.yaml:9:\d+: error: Secret\/default\/bad-tls has no private key in PEM/);
    const message = line.slice(line.indexOf('error: '));
    expect(gateway.program.stderr).toContain(JSON.stringify(message).slice(1, -1));
  });
});
