/**
 * Runs where the cluster's addresses are reached: `node load-generator.ts PLAN`, a {@link LoadPlan} in JSON. Sends requests at an
 * even rate, every other one on a connection of its own, the rest on connections that are kept. Tells the counts in a line of
 * JSON twice a second. Ends when its standard input does, after the requests under way; the last line is the final one.
 */
import { Agent, type IncomingMessage, request } from 'node:http';
import { request as requestTls, Agent as TlsAgent } from 'node:https';
import type { TLSSocket } from 'node:tls';

export interface LoadPlan {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly ratePerSecond: number;
  /** No request is sent after it, whatever happens. */
  readonly limitMs: number;
}

export interface LoadCounts {
  readonly sent: number;
  /** Whole answers by status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Requests without a whole answer, by reason. */
  readonly failures: Readonly<Record<string, number>>;
  /** Answers by the pod that they are from, when the backend has said so. */
  readonly pods: Readonly<Record<string, number>>;
  /** Answers by the fingerprint of the certificate that their connection was shown. */
  readonly certificates: Readonly<Record<string, number>>;
}

const IN_FLIGHT_LIMIT = 400;
const KEPT_CONNECTIONS = 32;
const TIMEOUT_MS = 20_000;
const TICK_MS = 5;
const TELL_MS = 500;

const plan = JSON.parse(process.argv[2] ?? '{}') as LoadPlan;
const isTls = plan.url.startsWith('https:');
const keepAlive = { keepAlive: true, maxSockets: KEPT_CONNECTIONS };
const kept = isTls ? new TlsAgent(keepAlive) : new Agent(keepAlive);
/** Whose certificate it is, the test tells by its fingerprint. */
const tls = { servername: plan.headers.host, rejectUnauthorized: false };
const statuses: Record<string, number> = {};
const failures: Record<string, number> = {};
const pods: Record<string, number> = {};
const certificates: Record<string, number> = {};
let sent = 0;
let inFlight = 0;
let ending = false;

function count(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}

function send(): void {
  sent += 1;
  inFlight += 1;
  const agent = sent % 2 === 0 ? kept : false;
  const { headers } = plan;
  const outgoing = isTls
    ? requestTls(plan.url, { headers, agent, ...tls }, take)
    : request(plan.url, { headers, agent }, take);
  const timer = setTimeout(() => outgoing.destroy(new Error('no whole answer in time')), TIMEOUT_MS);
  outgoing.on('error', (error: NodeJS.ErrnoException) => {
    const where = outgoing.reusedSocket ? 'kept' : 'new';
    count(failures, `${error.code ?? error.message} on a ${where} connection`);
  });
  outgoing.on('close', () => {
    clearTimeout(timer);
    inFlight -= 1;
    if (ending && inFlight === 0) finish();
  });
  outgoing.end();
}

function take(answer: IncomingMessage): void {
  // A session that is resumed is shown none.
  if (isTls && !(answer.socket as TLSSocket).isSessionReused())
    count(certificates, (answer.socket as TLSSocket).getPeerCertificate().fingerprint256);
  let body = '';
  answer.setEncoding('utf8').on('data', (text: string) => {
    body += text;
  });
  answer.on('end', () => {
    count(statuses, String(answer.statusCode));
    const pod = /"pod":"([^"]+)"/.exec(body)?.[1];
    if (pod !== undefined) count(pods, pod);
  });
  // The request's own error is not told when it comes after the head.
  answer.on('error', (error) => count(failures, `${error.message} in the body`));
}

function tell(): void {
  const counts: LoadCounts = { sent, statuses, failures, pods, certificates };
  process.stdout.write(`${JSON.stringify(counts)}\n`);
}

function finish(): void {
  clearInterval(telling);
  kept.destroy();
  tell();
}

function end(): void {
  if (ending) return;
  ending = true;
  clearInterval(sending);
  process.stdin.destroy();
  if (inFlight === 0) finish();
}

const startedAtMs = performance.now();
let due = 0;
const sending = setInterval(() => {
  const elapsedMs = performance.now() - startedAtMs;
  if (elapsedMs > plan.limitMs) return end();
  due = Math.min(due + (plan.ratePerSecond * TICK_MS) / 1000, (elapsedMs * plan.ratePerSecond) / 1000);
  while (sent + 1 <= due && inFlight < IN_FLIGHT_LIMIT) send();
}, TICK_MS);
const telling = setInterval(tell, TELL_MS);
process.stdin.on('end', end).resume();
