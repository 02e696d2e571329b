import { parseDuration } from '../../lib/duration.ts';
import { isLoopback } from '../../lib/loopback.ts';
import type { ServiceName } from '../admission/settings.ts';
import { CommandError, EXIT } from '../exit-code.ts';
import type { ListenAddress } from '../listen-address.ts';

/** What the command line says of the stream to data planes that run apart. */
export interface StreamRequest {
  readonly stream?: ListenAddress;
  readonly streamCert?: string;
  readonly streamKey?: string;
  readonly streamTokenFile?: string;
  /** Service accounts whose tokens are taken, as `namespace/name`. */
  readonly streamServiceAccount?: readonly string[];
  readonly streamInsecure?: boolean;
  /** A Service of the cluster: its certificate is then made here. */
  readonly streamService?: ServiceName;
  /** A duration such as `2160h`. */
  readonly streamCertificateLifetime?: string;
}

export type StreamCertificateSettings =
  /** Plain text on a loopback address. */
  | { readonly kind: 'none' }
  | { readonly kind: 'files'; readonly cert: string; readonly key: string }
  /** Made, kept in a Secret and rotated by the controllers. */
  | { readonly kind: 'kept'; readonly service: ServiceName; readonly lifetimeMs: number };

export interface StreamSettings {
  readonly listen: ListenAddress;
  readonly certificate: StreamCertificateSettings;
  readonly tokenFile: string | null;
  readonly serviceAccounts: readonly string[];
}

/**
 * null: no data plane runs apart.
 * @throws CommandError when one setting needs another.
 */
export function streamSettings(request: StreamRequest): StreamSettings | null {
  const { stream, streamTokenFile, streamServiceAccount = [] } = request;
  if (stream === undefined) {
    const { streamCert, streamKey, streamService } = request;
    const given = streamCert ?? streamKey ?? streamService ?? streamTokenFile ?? streamServiceAccount[0];
    return given === undefined && request.streamInsecure !== true
      ? null
      : usage('the --stream-… options need --stream');
  }
  if (streamTokenFile === undefined && streamServiceAccount.length === 0)
    usage('--stream needs --stream-token-file or --stream-service-account: nobody else may follow');
  return {
    listen: stream,
    tokenFile: streamTokenFile ?? null,
    serviceAccounts: streamServiceAccount,
    certificate: certificateSettings(stream, request),
  };
}

/** Certificates count in seconds; shorter ones would be replaced without a pause. */
const MIN_LIFETIME_MS = 10_000;

function certificateSettings({ address }: ListenAddress, request: StreamRequest): StreamCertificateSettings {
  const { streamCert: cert, streamKey: key, streamService: service } = request;
  if (request.streamInsecure === true) {
    if (!isLoopback(address))
      usage(`--stream-insecure is for loopback addresses only, and ${address} is none`);
    return { kind: 'none' };
  }
  if (service !== undefined) {
    if (cert !== undefined || key !== undefined)
      usage('--stream-service makes the certificate: leave --stream-cert and --stream-key out');
    const lifetimeMs = parseDuration(request.streamCertificateLifetime ?? '2160h');
    if (lifetimeMs < MIN_LIFETIME_MS) usage('--stream-certificate-lifetime must be at least 10s');
    return { kind: 'kept', service, lifetimeMs };
  }
  if (cert === undefined || key === undefined) return usage('--stream needs --stream-cert and --stream-key');
  return { kind: 'files', cert, key };
}

function usage(message: string): never {
  throw new CommandError(EXIT.usage, `error: ${message}`);
}
