import { parseDuration } from '../../lib/duration.ts';
import { parseQuantity } from '../../lib/quantity.ts';
import { type OutboundAnswer, outboundClient } from '../../outbound/client.ts';
import type { Exchange } from '../../pipeline/exchange.ts';
import { toldSlot } from '../../pipeline/identity.ts';
import { definePolicy, type PolicyEnv } from '../../pipeline/policy.ts';
import { problem, type Reply } from '../../pipeline/reply.ts';
import { type ExternalAuthorizationSchema, externalAuthorizationSchema } from './schema.ts';

/** Largest page of a refusal that is passed on. */
const MAX_BYTES = 64 * 1024;

const UNDECIDED = problem(503, 'Whether this request may pass cannot be decided at the moment.');
const TOO_LARGE = problem(413, 'The body is too large for this resource.');

export const externalAuthorization = definePolicy({
  name: 'externalAuthorization',
  phase: 'authz',
  summary: 'Asks a service over HTTP whether a request may pass.',
  schema: externalAuthorizationSchema,
  bind: bindExternalAuthorization,
});

function bindExternalAuthorization(config: ExternalAuthorizationSchema, env: PolicyEnv) {
  const client = outboundClient(env.outbound);
  const url = new URL(config.url);
  const timeoutMs = parseDuration(config.timeout);
  const sentNames = config.requestHeaders.map(lower);
  const upstreamNames = config.upstreamHeaders.map(lower);
  const clientNames = config.clientHeaders.map(lower);
  const bodyBytes = config.bodyBytes === undefined ? 0 : parseQuantity(config.bodyBytes);
  let failing = false;

  /** @throws OutboundFailure */
  async function ask(x: Exchange, body: Uint8Array | null): Promise<OutboundAnswer> {
    return client.call({
      ...{ url, timeoutMs, maxBytes: MAX_BYTES, signal: x.signal },
      method: body === null ? 'GET' : 'POST',
      headers: questionHeaders(x, sentNames),
      body,
    });
  }
  function tell(problemText: string | null): void {
    if (failing === (problemText !== null)) return;
    failing = problemText !== null;
    if (problemText === null) env.log('info', `externalAuthorization: ${url.host} decides again`);
    else env.log('warn', `externalAuthorization: ${url.host} does not decide: ${problemText}`);
  }
  async function decide(x: Exchange, body: Uint8Array | null): Promise<Reply | undefined> {
    let why: string;
    try {
      const answer = await ask(x, body);
      if (answer.status < 500) {
        tell(null);
        if (answer.status < 200 || answer.status > 299) return refusalOf(answer, clientNames);
        copyUpstream(x, answer, upstreamNames);
        return undefined;
      }
      why = `the answer has status ${answer.status}`;
    } catch (error) {
      if (x.signal.aborted) return UNDECIDED;
      why = (error as Error).message;
    }
    tell(why);
    if (config.onError === 'failClosed') return UNDECIDED;
    copyUpstream(x, null, upstreamNames);
    return undefined;
  }
  return {
    onRequest(x: Exchange): Promise<Reply | undefined> | Reply | undefined {
      if (bodyBytes === 0) return decide(x, null);
      const body = x.request.body.read(bodyBytes);
      if (body === null) return TOO_LARGE;
      if (body instanceof Uint8Array) return decide(x, body);
      return body.then((bytes) => (bytes === null ? TOO_LARGE : decide(x, bytes)));
    },
  };
}

const lower = (name: string) => name.toLowerCase();

/** What is asked about; names as other gateways have them, so that services which decide for those can be used. */
function questionHeaders(x: Exchange, names: readonly string[]): Record<string, string> {
  const { request, client } = x;
  const headers: Record<string, string> = {};
  for (const name of names) {
    const value = request.header(name);
    if (value !== null) headers[name] = value;
  }
  const query = request.query === '' ? '' : `?${request.query}`;
  headers['x-forwarded-method'] = request.method;
  headers['x-forwarded-proto'] = request.scheme;
  headers['x-forwarded-host'] = request.host;
  headers['x-forwarded-uri'] = `${request.path}${query}`;
  headers['x-forwarded-for'] = client.address;
  headers['x-request-id'] = x.requestId;
  return headers;
}

/** What clients send in these names goes, whatever was decided and also when nobody decided. */
function copyUpstream(x: Exchange, answer: OutboundAnswer | null, names: readonly string[]): void {
  const { request } = x;
  if (names.length === 0) return;
  let told = x.get(toldSlot) ?? '';
  for (const name of names) {
    request.removeHeader(name);
    for (const line of answer?.headerLines(name) ?? []) {
      request.addHeader(name, line);
      told += `${name}:${line}\n`;
    }
  }
  x.set(toldSlot, told);
}

function refusalOf({ status, headerLines, body }: OutboundAnswer, names: readonly string[]): Reply {
  const headers = names.flatMap((name) => headerLines(name).map((line) => [name, line] as const));
  return { status, headers, body };
}
