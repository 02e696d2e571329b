import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CertificatePair, issueCertificate } from '../../../src/admin/webhook/certificate.ts';
import { clusterUnavailable, waitUntil } from '../index.ts';
import { BACKEND_HOST, Gate } from './gate.ts';
import { expectNoFailure } from './load.ts';

const LISTENERS = [
  { name: 'http', address: '0.0.0.0', port: 8080 },
  { name: 'https', address: '0.0.0.0', port: 8443, tls: { certificateRefs: [{ name: 'shop-tls' }] } },
];
/** The kernel spreads connections over the threads of a pod: among so many, each has some. */
const HANDSHAKES = 12;
const ROTATIONS = 3;
/** A thread that stood still for so long would be seen by clients. Machines of tests are slow, and shared. */
const MAX_DELAY_MS = 1_000;

const fingerprint = ({ cert }: CertificatePair): string => new X509Certificate(cert).fingerprint256;

describe.skipIf(clusterUnavailable() !== undefined)('a Secret rotated under TLS load', () => {
  let gate: Gate;

  const newCertificate = () =>
    issueCertificate({ names: [BACKEND_HOST], nowMs: Date.now(), lifetimeMs: 86_400_000 });
  const put = ({ cluster, namespace }: Gate, { cert, key }: CertificatePair) =>
    cluster.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'shop-tls', namespace },
      type: 'kubernetes.io/tls',
      data: { 'tls.crt': btoa(cert), 'tls.key': btoa(key) },
    });
  /** Fingerprints that new connections to one pod see. */
  const shownBy = async (address: string): Promise<readonly string[]> => {
    const client = `openssl s_client -connect ${address}:8443 -servername ${BACKEND_HOST} </dev/null 2>/dev/null`;
    const each = `${client} | openssl x509 -noout -fingerprint -sha256`;
    const all = `for i in $(seq ${HANDSHAKES}); do ${each}; done`;
    const { stdout } = await gate.cluster.run('bash', ['-c', all]);
    return stdout
      .trim()
      .split('\n')
      .map((line) => line.slice(line.indexOf('=') + 1));
  };
  const isShownEverywhere = async (wanted: string): Promise<boolean> => {
    const replicas = await gate.replicas();
    const shown = await Promise.all(replicas.map(({ address }) => shownBy(address)));
    return (
      shown.flat().length === replicas.length * HANDSHAKES && shown.flat().every((one) => one === wanted)
    );
  };

  let first: CertificatePair;
  beforeAll(async () => {
    first = await newCertificate();
    const values = {
      config: { listeners: LISTENERS },
      service: { type: 'ClusterIP', ports: { http: 80, https: 443 } },
    };
    gate = await Gate.install('survive-tls', values, (installing) => put(installing, first));
  });
  afterAll(() => gate?.remove());

  test('no request fails, every thread of every replica shows the new certificate, and none stands still', async () => {
    const load = await gate.load(100, { url: `https://${gate.address}/` });
    await load.more(100);
    const expected = [fingerprint(first)];
    for (let round = 1; round <= ROTATIONS; round++) {
      const next = await newCertificate();
      expected.push(fingerprint(next));
      await put(gate, next);
      await waitUntil(() => isShownEverywhere(fingerprint(next)), {
        what: `certificate ${round} to be shown by every thread`,
        intervalMs: 500,
      });
      await load.more(200);
    }
    expect(Math.max(...(await gate.metric('gateway_thread_event_loop_delay_p99_ms')))).toBeLessThan(
      MAX_DELAY_MS,
    );
    // A bad one costs nothing: the last good one is shown, and the log says what is wrong.
    await put(gate, { ...first, cert: (await newCertificate()).cert });
    await waitUntil(async () => (await gate.metric('gateway_findings')).every((findings) => findings > 0), {
      what: 'the finding about the bad certificate',
      intervalMs: 500,
    });
    expect(await isShownEverywhere(expected.at(-1)!)).toBe(true);
    await load.more(100);
    const counts = await load.stop();
    expectNoFailure(counts);
    expect(Object.keys(counts.certificates).sort()).toEqual(expected.toSorted());
    const [replica] = await gate.replicas();
    const log = await gate.kubectl('logs', replica!.name);
    expect(log).toContain(`Secret/${gate.namespace}/shop-tls has a private key`);
  });

  test('helm says that every listener answers', async () => {
    await gate.cluster.helm('test', 'gate', '--namespace', gate.namespace, '--timeout=180s');
  });
});
