import { parseCertificateKey } from '../../ir/secret.ts';
import type { TransportIr } from '../../ir/settings.ts';
import type { TicketKeys } from '../../state/ticket-keys.ts';
import type { ThreadContext } from '../context.ts';
import { CertificateSet } from './certificate-set.ts';
import { HANDSHAKE_FAILURES, type HandshakeFailure } from './failure.ts';

/** What one listener with TLS has on one thread. */
export interface ListenerTls {
  readonly certificates: CertificateSet;
  /** Counts a handshake. */
  onSecure(version: string, resumed: boolean): void;
  onFailure(reason: HandshakeFailure): void;
}

export function listenerTls(
  listener: string,
  { minVersion }: TransportIr & { readonly kind: 'tls' },
  { metrics, log }: ThreadContext,
  ticketKeys: TicketKeys,
): ListenerTls {
  // Series that are to be read as rates begin at 0.
  for (const reason of HANDSHAKE_FAILURES) metrics.tlsHandshakeFailures(listener, reason);
  return {
    certificates: new CertificateSet({
      ...{ listener, minVersion, ticketKeys },
      onRefused(key, reason) {
        const { namespace, name } = parseCertificateKey(key)!;
        log(
          'error',
          `listener ${listener}: the certificate of Secret/${namespace}/${name} is refused: ${reason}`,
        );
      },
    }),
    onSecure: (version, resumed) => metrics.tlsHandshakes(listener, version, resumed).add(1),
    onFailure: (reason) => metrics.tlsHandshakeFailures(listener, reason).add(1),
  };
}
