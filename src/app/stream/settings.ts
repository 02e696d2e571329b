import { isLoopback } from '../../control/remote/stream-server.ts';
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
}

export interface StreamSettings {
  readonly listen: ListenAddress;
  /** null: plain text on a loopback address. */
  readonly certificateFiles: { readonly cert: string; readonly key: string } | null;
  readonly tokenFile: string | null;
  readonly serviceAccounts: readonly string[];
}

/**
 * null: no data plane runs apart.
 * @throws CommandError when one setting needs another.
 */
export function streamSettings(request: StreamRequest): StreamSettings | null {
  const { stream, streamCert, streamKey, streamTokenFile, streamServiceAccount = [] } = request;
  const usage = (message: string): never => {
    throw new CommandError(EXIT.usage, `error: ${message}`);
  };
  if (stream === undefined) {
    const given = streamCert ?? streamKey ?? streamTokenFile ?? streamServiceAccount[0];
    return given === undefined && request.streamInsecure !== true
      ? null
      : usage('the --stream-… options need --stream');
  }
  if (streamTokenFile === undefined && streamServiceAccount.length === 0)
    usage('--stream needs --stream-token-file or --stream-service-account: nobody else may follow');
  const base = {
    listen: stream,
    tokenFile: streamTokenFile ?? null,
    serviceAccounts: streamServiceAccount,
  };
  if (request.streamInsecure === true) {
    if (!isLoopback(stream.address))
      usage(`--stream-insecure is for loopback addresses only, and ${stream.address} is none`);
    return { ...base, certificateFiles: null };
  }
  if (streamCert === undefined || streamKey === undefined)
    return usage('--stream needs --stream-cert and --stream-key');
  return { ...base, certificateFiles: { cert: streamCert, key: streamKey } };
}
