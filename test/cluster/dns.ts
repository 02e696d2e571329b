import { dnsIp, nodeIp } from './settings.ts';

/**
 * Service `kube-system/kube-dns` over CoreDNS, which runs as a process of the node rather than in a pod: the Service
 * selects nothing and its EndpointSlice is written by hand.
 */
export function dnsObjects(): readonly object[] {
  const ports = [
    { name: 'dns', protocol: 'UDP', port: 53 },
    { name: 'dns-tcp', protocol: 'TCP', port: 53 },
  ];
  const labels = { 'k8s-app': 'kube-dns' };
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'kube-dns', namespace: 'kube-system', labels },
      spec: { clusterIP: dnsIp, ports },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: 'kube-dns',
        namespace: 'kube-system',
        labels: {
          'kubernetes.io/service-name': 'kube-dns',
          'endpointslice.kubernetes.io/managed-by': 'test-cluster',
        },
      },
      addressType: 'IPv4',
      ports,
      endpoints: [{ addresses: [nodeIp], conditions: { ready: true } }],
    },
  ];
}
