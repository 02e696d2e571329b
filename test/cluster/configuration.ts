import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pauseImage } from './image-set.ts';
import type { Layout } from './layout.ts';
import { cniPluginDirectory } from './requirements.ts';
import { clusterDomain, dnsIp, nodeIp, podCidr } from './settings.ts';

/** Configuration files of the components that want one. */
export interface ConfigFiles {
  readonly containerd: string;
  readonly kubelet: string;
  readonly kubeProxy: string;
  readonly coreDns: string;
}

/** Where the configuration files of a cluster are. */
export function configFiles({ config }: Layout): ConfigFiles {
  return {
    containerd: join(config, 'containerd.toml'),
    kubelet: join(config, 'kubelet.json'),
    kubeProxy: join(config, 'kube-proxy.json'),
    coreDns: join(config, 'Corefile'),
  };
}

/** Writes all configuration files. */
export function writeConfiguration(layout: Layout): void {
  const files = configFiles(layout);
  const cniFolder = join(layout.config, 'cni');
  mkdirSync(cniFolder, { recursive: true });
  writeJson(join(cniFolder, '10-bridge.conflist'), cni(layout));
  // Names outside the cluster are nobody's business here: a pod's resolv.conf gets no other server.
  const resolvConf = join(layout.config, 'resolv.conf');
  writeFileSync(resolvConf, '');
  writeFileSync(files.containerd, containerd(layout, cniFolder));
  writeJson(files.kubelet, kubelet(resolvConf, layout));
  writeJson(files.kubeProxy, kubeProxy(layout));
  writeFileSync(files.coreDns, corefile(layout));
}

function writeJson(path: string, value: object): void {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}

function containerd(layout: Layout, cniFolder: string): string {
  return `version = 3
root = '${layout.containerd}'
# Short, as shims put sockets below it; private, as /run inside is the cluster's own.
state = '/run/containerd'
# The tests use no plug-in that talks to the node resource interface.
disabled_plugins = ['io.containerd.nri.v1.nri']
[grpc]
address = '${layout.containerdSocket}'
[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = '${pauseImage}'
[plugins.'io.containerd.cri.v1.runtime']
# A machine that is a container itself forbids lower scores, and has no AppArmor.
restrict_oom_score_adj = true
disable_apparmor = true
netns_mounts_under_state_dir = true
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = 'io.containerd.runc.v2'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
SystemdCgroup = false
[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ['${cniPluginDirectory}']
conf_dir = '${cniFolder}'
`;
}

function cni(layout: Layout): object {
  return {
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        isGateway: true,
        // A pod may reach itself through its Service.
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          ranges: [[{ subnet: podCidr }]],
          routes: [{ dst: '0.0.0.0/0' }],
          dataDir: join(layout.machine, 'cni'),
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
}

function kubelet(resolvConf: string, layout: Layout): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    // Reached only from inside the namespaces, and by the API server without a certificate.
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    containerRuntimeEndpoint: `unix://${layout.containerdSocket}`,
    clusterDNS: [dnsIp],
    clusterDomain,
    resolvConf,
    // Everything that would manage the machine's own cgroups, memory or rules is off: the machine is not ours.
    cgroupDriver: 'cgroupfs',
    cgroupsPerQOS: false,
    enforceNodeAllocatable: [],
    failCgroupV1: false,
    failSwapOn: false,
    makeIPTablesUtilChains: false,
    localStorageCapacityIsolation: false,
    oomScoreAdj: 0,
    // A full disk of a developer is no reason to evict pods or to delete images that nobody can pull again.
    evictionHard: {
      'memory.available': '50Mi',
      'nodefs.available': '0%',
      'nodefs.inodesFree': '0%',
      'imagefs.available': '0%',
    },
    imageGCHighThresholdPercent: 100,
  };
}

function kubeProxy(layout: Layout): object {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'iptables',
    clusterCIDR: podCidr,
    clientConnection: { kubeconfig: layout.kubeconfig },
    healthzBindAddress: '127.0.0.1:10256',
    metricsBindAddress: '127.0.0.1:10249',
    // 0 leaves the kernel's values alone: they are the machine's.
    conntrack: {
      maxPerCore: 0,
      min: 0,
      tcpEstablishedTimeout: '0s',
      tcpCloseWaitTimeout: '0s',
      udpTimeout: '0s',
      udpStreamTimeout: '0s',
    },
  };
}

function corefile(layout: Layout): string {
  // No cache: tests see a changed headless Service at once. Names elsewhere get NXDOMAIN, as nothing is forwarded.
  return `${clusterDomain}:53 in-addr.arpa:53 ip6.arpa:53 {
  bind ${nodeIp}
  errors
  ready 127.0.0.1:8181
  kubernetes ${clusterDomain} in-addr.arpa ip6.arpa {
    kubeconfig ${layout.kubeconfig}
    pods insecure
    ttl 5
  }
  loadbalance
}
.:53 {
  bind ${nodeIp}
  template ANY ANY {
    rcode NXDOMAIN
  }
}
`;
}
