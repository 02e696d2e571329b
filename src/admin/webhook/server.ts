import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FastifyError, fastify } from 'fastify';
import { limitConnections } from '../connection-limit.ts';
import { problem } from '../problem.ts';
import type { CertificatePair } from './certificate.ts';
import {
  type AdmissionRequest,
  answerReview,
  MalformedReviewError,
  readReview,
  type Verdict,
} from './review.ts';

export interface WebhookServerOptions {
  /** IP address. */
  readonly address: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** What is said of an object. What it throws is reported, and the object is allowed. */
  readonly judge: (request: AdmissionRequest, signal: AbortSignal) => Promise<Verdict>;
  /** A review is answered after so long, whatever the judge does. Default: {@link REVIEW_MS}. */
  readonly reviewMs?: number;
  readonly onError: (error: Error) => void;
}

export interface WebhookServer {
  readonly address: string;
  readonly port: number;
  /** New connections get this certificate; running ones go on. Until the first call none can be made. */
  setCertificate(pair: CertificatePair): void;
  /** Answers what is asked already, and ends every connection. */
  close(): Promise<void>;
}

/** Where the API server sends its reviews. */
export const REVIEW_PATH = '/validate';
/** Below the five seconds that the API server waits by the chart's configuration. */
export const REVIEW_MS = 2_000;
/** etcd takes objects of 1.5 MiB; a review holds an object twice. */
export const MAX_REVIEW_BYTES = 4 * 1024 * 1024;
const LIMITS = { maxConnections: 64, responseMs: 10_000 };
const HEAD_MS = 2_000;
const REQUEST_MS = 5_000;
/** Longer than a review takes. */
const CLOSE_MS = 3_000;
const IDLE_MS = 90_000;
/** API servers keep a connection for long; so they come to other replicas, and see a new certificate. */
const REVIEWS_PER_CONNECTION = 100;

/**
 * Answers the API server's ValidatingAdmissionReviews over HTTPS. Anyone in the cluster can reach it, so nothing of
 * a review is believed, and an answer tells nothing that the asker does not know. Where it can't tell in time it
 * allows: what is wrong with an object is then said by its status.
 * @throws Error when the address can't be listened on
 */
export async function startWebhookServer(options: WebhookServerOptions): Promise<WebhookServer> {
  const app = fastify({
    logger: false,
    https: {
      minVersion: 'TLSv1.2',
      headersTimeout: HEAD_MS,
      maxHeaderSize: 16_384,
      connectionsCheckingInterval: 1_000,
    },
    bodyLimit: MAX_REVIEW_BYTES,
    connectionTimeout: IDLE_MS,
    keepAliveTimeout: IDLE_MS,
    requestTimeout: REQUEST_MS,
    maxRequestsPerSocket: REVIEWS_PER_CONNECTION,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
  });
  const server: Server = app.server;
  limitConnections(server, LIMITS);
  let closing = false;
  app.addHook('onSend', async (_request, reply) => {
    if (closing) reply.header('connection', 'close');
  });
  app.setNotFoundHandler((_request, reply) =>
    problem(reply, 404, `Reviews are taken by POST ${REVIEW_PATH}.`),
  );
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    if (error instanceof MalformedReviewError) return problem(reply, 400, error.message);
    const status = error.statusCode ?? 500;
    if (status < 500) return problem(reply, status, error.message);
    options.onError(error);
    return problem(reply, 500, 'The review could not be answered; the log of the gateway says why.');
  });
  app.post<{ Querystring: { timeout?: unknown } }>(REVIEW_PATH, async (request) => {
    const review = readReview(request.body);
    const limitMs = Math.min(options.reviewMs ?? REVIEW_MS, callerLimitMs(request.query.timeout));
    return answerReview(review.uid, await judgeInTime(review, limitMs, options));
  });
  try {
    await app.listen({ host: options.address, port: options.port, backlog: 128 });
  } catch (error) {
    await app.close();
    const { message } = error as Error;
    throw new Error(`the webhook can't listen on ${options.address} port ${options.port}: ${message}`, {
      cause: error,
    });
  }
  const { address, port } = app.server.address() as AddressInfo;
  return {
    address,
    port,
    setCertificate: ({ cert, key }) => server.setSecureContext({ cert, key, minVersion: 'TLSv1.2' }),
    close: () => {
      closing = true;
      return closeSoon(app, server);
    },
  };
}

async function closeSoon(app: { close(): PromiseLike<unknown> }, server: Server): Promise<void> {
  const late = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
  try {
    await app.close();
  } finally {
    clearTimeout(late);
  }
}

/** The judge's verdict, or that there was none in time. */
async function judgeInTime(
  request: AdmissionRequest,
  limitMs: number,
  { judge, onError }: WebhookServerOptions,
): Promise<Verdict> {
  const late = new AbortController();
  const done = new AbortController();
  const judged = judge(request, late.signal).catch((error: Error) => {
    if (error instanceof MalformedReviewError) throw error;
    if (!late.signal.aborted) onError(error);
    return unchecked(request, 'the check failed; the log of the gateway says why');
  });
  const timedOut = sleep(limitMs, undefined, { signal: done.signal }).then(
    () => {
      late.abort();
      return unchecked(request, `the check took longer than ${limitMs} ms`);
    },
    () => judged,
  );
  const verdict = await Promise.race([judged, timedOut]);
  done.abort();
  return verdict;
}

/** Half of what the API server says that it waits: `?timeout=5s`. */
function callerLimitMs(timeout: unknown): number {
  const seconds = typeof timeout === 'string' ? /^(\d{1,2})s$/.exec(timeout)?.[1] : undefined;
  return seconds === undefined ? Number.POSITIVE_INFINITY : Number(seconds) * 500;
}

function unchecked({ kind }: AdmissionRequest, why: string): Verdict {
  return {
    allowed: true,
    warnings: [`this ${kind} was not checked: ${why}; its status will tell whether it is accepted`],
  };
}
