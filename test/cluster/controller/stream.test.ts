import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { policyCatalogue } from '../../../src/policies/index.ts';
import { customResourceDefinitions } from '../../../src/resources/crd/definitions.ts';
import {
  type Cluster,
  clusterIsLocal,
  clusterUnavailable,
  customResourcesEstablished,
  startCluster,
  waitUntil,
} from '../index.ts';
import { GatewayProcess } from './gateway-process.ts';

const namespace = 'stream-test';
const service = 'controller';
const secret = `${service}-certificate`;
const crds = [...customResourceDefinitions(policyCatalogue).values()];

/** Prints the serial number of the certificate that is shown, once it is trusted. */
const CONNECT = `
  const [port, ca] = process.argv.slice(1);
  const socket = require('node:tls').connect({ host: '127.0.0.1', port, ca, servername: '${service}.${namespace}.svc' });
  socket.on('secureConnect', () => {
    console.log(socket.getPeerCertificate().serialNumber);
    socket.destroy();
  });`;

describe.skipIf(clusterUnavailable() !== undefined || !clusterIsLocal())(
  'the certificate for data planes',
  () => {
    let cluster: Cluster;
    let controllers: GatewayProcess[] = [];

    const start = async (identity: string): Promise<GatewayProcess> => {
      const args = [
        ...['--no-traffic', '--name', 'stream', '--own-namespace', namespace, '--namespace', namespace],
        ...['--stream', '0.0.0.0:0', '--stream-service', `${namespace}/${service}`],
        ...['--stream-service-account', `${namespace}/nobody`, '--stream-certificate-lifetime', '45s'],
      ];
      const controller = await GatewayProcess.start(cluster, { identity, args });
      controllers.push(controller);
      return controller;
    };
    const trusted = async (): Promise<string> => {
      const text = await cluster.kubectl(
        ...['get', 'secret', '-n', namespace, secret],
        ...['-o', 'jsonpath={.data.trusted\\.crt}'],
      );
      return Buffer.from(text, 'base64').toString();
    };
    const shown = async (controller: GatewayProcess, ca: string): Promise<string> => {
      const port = String(controller.events('streamListening')[0]!.port);
      const { stdout } = await cluster.run(process.execPath, ['--eval', CONNECT, port, ca]);
      return stdout.trim();
    };

    beforeAll(async () => {
      cluster = await startCluster();
      await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, ...crds);
      await customResourcesEstablished(cluster);
    });
    afterAll(async () => {
      for (const controller of controllers) await controller.stop('SIGKILL');
      controllers = [];
      await cluster?.kubectl('delete', 'namespace', namespace, '--wait=false');
      await cluster?.stop();
    });

    test('is made, is the same for all controllers, and is rotated without being refused', async () => {
      const both = [await start('one'), await start('two')];
      await waitUntil(async () => (await trusted()) !== '', { what: 'the Secret' });
      const serials = new Set<string>();
      await waitUntil(
        async () => {
          // Read anew when the machine was so busy that a whole rotation lay between.
          const seen = await Promise.all(
            both.map(async (one) =>
              shown(one, await trusted()).catch(async () => shown(one, await trusted())),
            ),
          );
          for (const serial of seen) serials.add(serial);
          return serials.size >= 3;
        },
        { what: 'two rotations', intervalMs: 1_000 },
      );
      expect(serials).not.toContain('');
      const rotated = both.flatMap((one) => one.events('streamRotated').map(({ what }) => what));
      expect(rotated).toEqual(expect.arrayContaining(['issued', 'staged', 'promoted']));
      // Only one of them rotates; both have shown the same ones.
      expect(rotated.filter((what) => what === 'issued')).toHaveLength(1);
    });

    test('is made again when the Secret is deleted', async () => {
      const [first] = controllers;
      await cluster.kubectl('delete', 'secret', '-n', namespace, secret);
      await waitUntil(async () => (await shown(first!, await trusted())) !== '', {
        what: 'a certificate that is trusted',
      });
    });
  },
);
