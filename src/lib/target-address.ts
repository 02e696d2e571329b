import { isIP } from 'node:net';
import { matcher } from './cidr.ts';

/** Addresses that a backend, or what the gateway itself calls, may only have when the operator allowed it. */
export interface AddressRules {
  readonly allowLoopback: boolean;
  /** Also where clouds keep their metadata service. */
  readonly allowLinkLocal: boolean;
}

const isLoopback = matcher(['127.0.0.0/8', '::1/128']);
/** fd00:ec2::254 is EC2's metadata service over IPv6. */
const isLinkLocal = matcher(['169.254.0.0/16', 'fe80::/10', 'fd00:ec2::254/128']);
/** Unspecified, multicast, broadcast and reserved: nothing can be sent there that a backend would answer. */
const isUnusable = matcher(['0.0.0.0/8', '224.0.0.0/3', '::/128', 'ff00::/8']);

/**
 * Why nothing may be sent to an address; null when it may. IPv4 addresses mapped into IPv6 are judged as the
 * IPv4 addresses that they are.
 */
export function refuseAddress(address: string, rules: AddressRules): string | null {
  if (isIP(address) === 0) return `${address} is not an IP address`;
  if (isUnusable(address)) return `${address} is an unspecified, multicast or reserved address`;
  if (!rules.allowLoopback && isLoopback(address))
    return `${address} is a loopback address, which is not allowed here`;
  if (!rules.allowLinkLocal && isLinkLocal(address)) {
    return `${address} is a link-local address or a metadata service, which is not allowed`;
  }
  return null;
}
