import { join } from 'node:path';
import type { Binaries } from './binaries.ts';
import type { ConfigFiles } from './configuration.ts';
import type { CredentialFiles } from './credentials.ts';
import type { Layout } from './layout.ts';
import { apiServerPort, clusterDomain, nodeIp, nodeName, podCidr, serviceCidr } from './settings.ts';

/** The programs a cluster consists of, in the order of their start. */
export const componentNames = [
  'etcd',
  'kube-apiserver',
  'containerd',
  'kube-controller-manager',
  'kube-scheduler',
  'kube-proxy',
  'coredns',
  'kubelet',
] as const;

/** One of {@link componentNames}. */
export type ComponentName = (typeof componentNames)[number];

/** How to tell that a component serves: a URL inside the network namespace answers 200, or a socket accepts. */
export type Readiness =
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'socket'; readonly path: string };

/** How a component is started, the same way at the first time and after a kill. */
export interface Component {
  readonly name: ComponentName;
  readonly program: string;
  readonly args: readonly string[];
  readonly ready: Readiness;
}

/** What the components' command lines are made of. */
export interface ComponentInputs {
  readonly layout: Layout;
  readonly binaries: Binaries;
  readonly credentials: CredentialFiles;
  readonly files: ConfigFiles;
}

const url = (address: string): Readiness => ({ kind: 'url', url: address });
const etcdUrl = 'http://127.0.0.1:2379';
const apiServerReady = url(`https://127.0.0.1:${apiServerPort}/readyz`);

/** The command lines of all components. */
export function components(inputs: ComponentInputs): Readonly<Record<ComponentName, Component>> {
  const { layout, binaries, files } = inputs;
  const kubeconfig = `--kubeconfig=${layout.kubeconfig}`;
  const define = (name: ComponentName, ready: Readiness, args: readonly string[]): Component => ({
    name,
    program: binaries.path(name),
    args,
    ready,
  });
  return {
    etcd: define('etcd', url(`${etcdUrl}/health`), etcdArgs(layout)),
    'kube-apiserver': define('kube-apiserver', apiServerReady, apiServerArgs(inputs)),
    containerd: define('containerd', { kind: 'socket', path: layout.containerdSocket }, [
      '--config',
      files.containerd,
    ]),
    'kube-controller-manager': define(
      'kube-controller-manager',
      url('https://127.0.0.1:10257/healthz'),
      controllerManagerArgs(inputs),
    ),
    'kube-scheduler': define('kube-scheduler', url('https://127.0.0.1:10259/healthz'), [
      kubeconfig,
      '--leader-elect=false',
      '--bind-address=127.0.0.1',
      `--cert-dir=${join(layout.pki, 'scheduler')}`,
    ]),
    'kube-proxy': define('kube-proxy', url('http://127.0.0.1:10256/healthz'), [
      `--config=${files.kubeProxy}`,
      `--hostname-override=${nodeName}`,
    ]),
    coredns: define('coredns', url('http://127.0.0.1:8181/ready'), ['-conf', files.coreDns]),
    kubelet: define('kubelet', url('http://127.0.0.1:10248/healthz'), [
      `--config=${files.kubelet}`,
      kubeconfig,
      `--hostname-override=${nodeName}`,
      `--node-ip=${nodeIp}`,
    ]),
  };
}

function etcdArgs(layout: Layout): readonly string[] {
  return [
    `--data-dir=${layout.etcd}`,
    // The data need not outlive a crash of the machine.
    '--unsafe-no-fsync',
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    '--listen-peer-urls=http://127.0.0.1:2380',
    '--log-level=warn',
  ];
}

function apiServerArgs({ layout, credentials }: ComponentInputs): readonly string[] {
  return [
    `--etcd-servers=${etcdUrl}`,
    '--bind-address=0.0.0.0',
    `--advertise-address=${nodeIp}`,
    `--secure-port=${apiServerPort}`,
    `--cert-dir=${layout.pki}`,
    `--token-auth-file=${credentials.tokens}`,
    '--authorization-mode=RBAC',
    '--allow-privileged=true',
    `--service-cluster-ip-range=${serviceCidr}`,
    `--service-account-issuer=https://kubernetes.default.svc.${clusterDomain}`,
    `--service-account-key-file=${credentials.serviceAccountKey}`,
    `--service-account-signing-key-file=${credentials.serviceAccountKey}`,
    // Else logs and exec look the node's name up in DNS.
    '--kubelet-preferred-address-types=InternalIP',
  ];
}

function controllerManagerArgs({ layout, credentials }: ComponentInputs): readonly string[] {
  return [
    `--kubeconfig=${layout.kubeconfig}`,
    '--leader-elect=false',
    '--bind-address=127.0.0.1',
    `--cert-dir=${join(layout.pki, 'controller-manager')}`,
    `--service-account-private-key-file=${credentials.serviceAccountKey}`,
    `--root-ca-file=${credentials.ca}`,
    '--allocate-node-cidrs=true',
    // Else it takes the node for lost when the API server comes back after a minute, and all pods for not ready.
    '--node-monitor-grace-period=1h',
    `--cluster-cidr=${podCidr}`,
    `--service-cluster-ip-range=${serviceCidr}`,
  ];
}
