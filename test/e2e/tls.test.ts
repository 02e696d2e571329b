import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CertificatePair } from '../../src/admin/webhook/certificate.ts';
import { certificateFor, fingerprintOf, secretWith, tlsListener } from './support/certificates.ts';
import { type Gateway, startGateway } from './support/gateway.ts';
import { startLoad } from './support/load.ts';
import { type ConnectOptions, head, RawClient } from './support/raw-client.ts';
import { forwardAll } from './support/resources.ts';
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
