/**
 * Addresses and names of the local cluster. All of them live inside its own network namespace, so several clusters
 * on one machine use the same ones without meeting.
 */

/** Range of the pods' addresses, on the bridge `cni0`. */
export const podCidr = '10.244.0.0/24';
/** Range of the Services' addresses, served by kube-proxy. */
export const serviceCidr = '10.96.0.0/16';
/** ClusterIP of Service `kube-system/kube-dns`, which every pod's resolv.conf names. */
export const dnsIp = '10.96.0.10';
export const clusterDomain = 'cluster.local';
/** The node's address, on the bridge device `uplink0` that has no uplink. */
export const nodeIp = '10.245.0.1';
export const nodeCidr = '10.245.0.1/24';
export const nodeName = 'node-1';
export const apiServerPort = 6443;
export const apiServerUrl = `https://${nodeIp}:${apiServerPort}`;
