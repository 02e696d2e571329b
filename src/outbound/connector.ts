import { isIP } from 'node:net';
import { buildConnector } from 'undici';
import { type AddressRules, refuseAddress } from '../lib/target-address.ts';
import { OutboundFailure } from './failure.ts';
import { guardedLookup } from './lookup.ts';

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
