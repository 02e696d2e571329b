import { lookup } from 'node:dns/promises';
import { type IncomingMessage, type RequestOptions, request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { HEADERS, type Position, STREAM_PATH, STREAM_PROTOCOL } from './protocol.ts';

/** How a controller is reached, as of now: files are read for each connection, for they are replaced. */
export interface StreamTarget {
  readonly host: string;
  readonly port: number;
  /** null: plain text. */
  readonly tls: { readonly ca: string | null } | null;
  readonly token: string;
  readonly version: string;
  readonly name: string;
  readonly instance: string;
  readonly from: Position | null;
}

export interface OpenStream {
  readonly socket: Duplex;
  /** Of the replica that answered. */
  readonly address: string;
  /** Bytes that came with the answer. */
  readonly first: Buffer;
}

/** All addresses of a name. */
export type Resolve = (host: string) => Promise<readonly string[]>;

const MAX_DETAIL_CHARS = 1_000;

/** By the machine's own resolver, so that search domains and /etc/hosts count: `portreeve-controller` is found in a pod. */
export const resolveHost: Resolve = async (host) => {
  if (isIP(host) !== 0) return [host];
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
};

/**
 * Asks all addresses in a random order until one answers with the stream.
 * @throws Error that tells what each of them said
 */
export async function connectAny(
  target: StreamTarget,
  resolve: Resolve,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<OpenStream> {
  const addresses = shuffled(await resolve(target.host));
  if (addresses.length === 0) throw new Error(`${target.host} has no address`);
  const problems = new Set<string>();
  for (const address of addresses) {
    try {
      return await connect(target, address, timeoutMs, signal);
    } catch (error) {
      signal.throwIfAborted();
      problems.add(`${address}: ${problemOf(error as NodeJS.ErrnoException)}`);
    }
  }
  throw new Error([...problems].join('; '));
}

async function connect(
  target: StreamTarget,
  address: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<OpenStream> {
  const { promise, resolve, reject } = Promise.withResolvers<OpenStream>();
  const { host, port, tls } = target;
  const options = { host: address, port, path: STREAM_PATH, headers: headersOf(target), agent: false };
  const request =
    tls === null
      ? requestPlain(options satisfies RequestOptions)
      : requestTls({
          ...options,
          ...(tls.ca === null ? {} : { ca: tls.ca }),
          servername: isIP(host) === 0 ? host : '',
          minVersion: 'TLSv1.3',
        });
  request.on('upgrade', (_response, socket: Duplex, first: Buffer) => {
    // Until someone else takes care of it.
    socket.on('error', () => {});
    resolve({ socket, address, first });
  });
  request.on('response', (response) => void refusalOf(response).then(reject, reject));
  request.on('error', reject);
  request.end();
  const abort = (): void => void request.destroy(new Error('given up'));
  const late = setTimeout(
    () => request.destroy(new Error(`it did not answer within ${timeoutMs} ms`)),
    timeoutMs,
  );
  signal.addEventListener('abort', abort, { once: true });
  // A request's own signal would go on and end the stream, too.
  return promise.finally(() => {
    clearTimeout(late);
    signal.removeEventListener('abort', abort);
  });
}

function headersOf({
  host,
  port,
  token,
  version,
  name,
  instance,
  from,
}: StreamTarget): Record<string, string> {
  return {
    host: `${isIP(host) === 6 ? `[${host}]` : host}:${port}`,
    connection: 'Upgrade',
    upgrade: STREAM_PROTOCOL,
    authorization: `Bearer ${token}`,
    [HEADERS.version]: version,
    [HEADERS.name]: name,
    [HEADERS.instance]: instance,
    ...(from === null ? {} : { [HEADERS.epoch]: from.epoch, [HEADERS.sequence]: String(from.sequence) }),
  };
}

async function refusalOf(response: IncomingMessage): Promise<Error> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) {
    text += chunk;
    if (text.length > MAX_DETAIL_CHARS) break;
  }
  let detail = '';
  try {
    detail = String((JSON.parse(text) as { detail?: unknown }).detail ?? '');
  } catch {
    // Not one of our answers.
  }
  return new Error(`it answered ${response.statusCode}${detail === '' ? '' : `: ${detail}`}`);
}

const CERTIFICATE_PROBLEMS: Readonly<Record<string, string>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by nobody who is trusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by nobody who is trusted',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by nobody who is trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is signed by nobody who is trusted',
  CERT_SIGNATURE_FAILURE: 'its certificate is signed by nobody who is trusted',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
};

function problemOf(error: NodeJS.ErrnoException): string {
  const certificate = CERTIFICATE_PROBLEMS[error.code ?? ''];
  return certificate === undefined ? error.message : `${certificate} (see --ca-file; ${error.code})`;
}

function shuffled(addresses: readonly string[]): readonly string[] {
  return addresses
    .map((address) => ({ address, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ address }) => address);
}
