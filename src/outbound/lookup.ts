import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { type AddressRules, refuseAddress } from '../lib/target-address.ts';
import { OutboundFailure } from './failure.ts';

/**
 * Looks names up for a connection, and gives only addresses that may be called. What is judged is the address that is
 * connected to: a name that resolves to another one the second time gains nothing.
 */
export function guardedLookup(rules: AddressRules): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true } as LookupOptions & { all: true }, (error, found) => {
      if (error !== null) {
        callback(error, []);
        return;
      }
      const allowed = found.filter(({ address }) => refuseAddress(address, rules) === null);
      const [first] = allowed;
      if (first === undefined) callback(nothingAllowed(hostname, found, rules), []);
      else if (options.all === true) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}

function nothingAllowed(hostname: string, found: readonly LookupAddress[], rules: AddressRules): Error {
  const why = found.map(({ address }) => refuseAddress(address, rules)).join('; ');
  return new OutboundFailure('refused', `${hostname} resolves to nothing that may be called: ${why}`);
}
