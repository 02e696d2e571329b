import type { AddressInfo } from 'node:net';
import {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
} from 'fastify';
import { isLoopback, namesLoopback } from '../lib/loopback.ts';
import { METRICS_CONTENT_TYPE } from '../observe/metrics-page.ts';
import { addAcks } from './acks.ts';
import { renderConfig, renderRoute } from './config-page.ts';
import { limitConnections } from './connection-limit.ts';
import { problem } from './problem.ts';
import { addPurge } from './purge.ts';
import { notReadyReasons } from './readiness.ts';
import { SharedPage } from './shared-page.ts';
import type { AdminView } from './view.ts';

export interface AdminServerOptions {
  /** IP address, or `localhost`. */
  readonly address: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly view: AdminView;
  /** An answer failed for a reason that the client isn't told. */
  readonly onError: (error: Error) => void;
}

export interface AdminServer {
  readonly address: string;
  readonly port: number;
  /** Ends every connection. */
  close(): Promise<void>;
}

const PATHS: ReadonlySet<string> = new Set([
  '/healthz',
  '/readyz',
  '/metrics',
  '/config',
  '/version',
  '/acks',
  '/cache',
]);
const LIMITS = { maxConnections: 64, responseMs: 30_000 };
const HEAD_MS = 5_000;
const REQUEST_MS = 10_000;
const IDLE_MS = 75_000;
const ROUTE_NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

/**
 * Serves health, metrics and the served configuration. Read-only, but for purges of kept answers.
 * @throws Error when the address can't be listened on
 */
export async function startAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const app = fastify({
    logger: false,
    bodyLimit: 1_024,
    connectionTimeout: IDLE_MS,
    keepAliveTimeout: IDLE_MS,
    requestTimeout: REQUEST_MS,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 100 },
    http: { headersTimeout: HEAD_MS, maxHeaderSize: 16_384, connectionsCheckingInterval: 1_000 },
  });
  limitConnections(app.server, LIMITS);
  guard(app, options);
  addHealth(app, options.view);
  addPages(app, options.view);
  addAcks(app, options.view);
  addPurge(app, options.view);
  try {
    await app.listen({ host: options.address, port: options.port, backlog: 128 });
  } catch (error) {
    await app.close();
    throw new Error(listenProblem(options, error as NodeJS.ErrnoException), { cause: error });
  }
  const { address, port } = app.server.address() as AddressInfo;
  return { address, port, close: () => app.close() };
}

/** Headers, refusals and errors of every answer. */
function guard(app: FastifyInstance, options: AdminServerOptions): void {
  const loopbackOnly = isLoopback(options.address);
  app.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store');
    reply.header('x-content-type-options', 'nosniff');
    // A web page that made its own name point here (DNS rebinding) must not read the configuration.
    if (loopbackOnly && !namesLoopback(request.headers.host)) {
      return problem(reply, 421, 'This address only answers to a loopback address or localhost in Host.');
    }
    return undefined;
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0]!;
    if (!PATHS.has(path))
      return problem(reply, 404, `There is no such page; there are ${[...PATHS].join(', ')}.`);
    const method = path === '/cache' ? 'DELETE' : 'GET, HEAD';
    reply.header('allow', method);
    return problem(reply, 405, `Only ${method.replace(', ', ' and ')} is answered here.`);
  });
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    const status = error.statusCode ?? 500;
    if (status < 500)
      return problem(reply, status, tells(error) ? error.message : 'The request was not understood.');
    options.onError(error);
    return problem(reply, 500, 'The page could not be made; the log of the gateway says why.');
  });
}

/** Its message is written for whoever asks. */
function tells(error: FastifyError): boolean {
  return 'tells' in error && error.tells === true;
}

function addHealth(app: FastifyInstance, view: AdminView): void {
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const reasons = notReadyReasons(view);
    if (reasons.length > 0) reply.code(503);
    return { ready: reasons.length === 0, reasons, warnings: view.warnings?.() ?? [] };
  });
  app.get('/version', async () => ({ ...view.version, node: process.version }));
}

function addPages(app: FastifyInstance, view: AdminView): void {
  const metrics = new SharedPage(() => view.metrics());
  app.get('/metrics', (request, reply) => sendPage(request, reply, metrics, METRICS_CONTENT_TYPE));
  const config = new SharedPage(() => renderConfig(view));
  app.get<{ Querystring: { route?: string | string[] } }>('/config', async (request, reply) => {
    const { route } = request.query;
    if (route === undefined) return sendPage(request, reply, config, 'application/json');
    if (typeof route !== 'string' || !ROUTE_NAME.test(route)) {
      return problem(reply, 400, 'Write ?route=namespace/name.');
    }
    const found = renderRoute(view, route);
    if (found === null) return problem(reply, 404, 'No GatewayRoute of this namespace and name is known.');
    return reply.type('application/json').send(found);
  });
}

async function sendPage(
  request: FastifyRequest,
  reply: FastifyReply,
  page: SharedPage,
  contentType: string,
): Promise<FastifyReply> {
  const gzipped = /\bgzip\b(?!\s*;\s*q=0(\.0+)?\s*(,|$))/i.test(request.headers['accept-encoding'] ?? '');
  // Before any header is set: when it throws, the answer is another one.
  const body = await (gzipped ? page.getGzipped() : page.get());
  reply.header('vary', 'accept-encoding').type(contentType);
  if (gzipped) reply.header('content-encoding', 'gzip');
  return reply.send(body);
}

function listenProblem({ address, port }: AdminServerOptions, error: NodeJS.ErrnoException): string {
  const place = `the admin server can't listen on ${address} port ${port}`;
  if (error.code === 'EADDRINUSE') return `${place}: another program does; set admin.port to a free port`;
  if (error.code === 'EACCES') return `${place}: not permitted; ports below 1024 need a privilege`;
  if (error.code === 'EADDRNOTAVAIL') return `${place}: this machine has no such address; see admin.address`;
  return `${place}: ${error.message}`;
}
