import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import { type AddressRules, refuseAddress } from '../lib/target-address.ts';
import { OutboundFailure } from './failure.ts';

/** A connection that nobody waits for any more is given up after this. */
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Opens connections only to addresses that may be called. What is judged is the address that is connected to, after
 * DNS: a name that resolves to another address the second time gains nothing.
 */
export function guardedConnector(rules: AddressRules): buildConnector.connector {
  const connect = buildConnector({
    // Multiplexed streams share a fate; our calls are few.
    allowH2: false,
    timeout: CONNECT_TIMEOUT_MS,
    lookup: guardedLookup(rules),
  });
  return (options, callback) => {
    // A literal address is connected to without a look-up.
    const refusal = isIP(options.hostname) === 0 ? null : refuseAddress(options.hostname, rules);
    if (refusal !== null) callback(new OutboundFailure('refused', refusal), null);
    else connect(options, callback);
  };
}

function guardedLookup(rules: AddressRules): LookupFunction {
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
