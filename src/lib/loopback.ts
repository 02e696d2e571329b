import { BlockList, isIP } from 'node:net';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Whether only this machine reaches the address. */
export function isLoopback(address: string): boolean {
  if (address === 'localhost') return true;
  const version = isIP(address);
  return version !== 0 && LOOPBACK.check(address, version === 6 ? 'ipv6' : 'ipv4');
}

/** Whether a Host header names this machine by a loopback address or as `localhost`, with or without port. */
export function namesLoopback(host: string | undefined): boolean {
  const parts = /^(?:\[([^\]]+)\]|([^:]+))(?::\d*)?$/.exec(host ?? '');
  const name = parts?.[1] ?? parts?.[2];
  return name !== undefined && isLoopback(name.toLowerCase());
}
