import { emptyAccessRecord } from '../../observe/access-record.ts';
import { NONE, OTHER_METHOD } from '../../observe/labels.ts';
import { refusalSlot } from '../../pipeline/refusal.ts';
import type { ClientConnection } from '../client/connection.ts';
import type { RequestExchange } from './exchange.ts';

/** Counts and logs a finished exchange. */
export function recordExchange(x: RequestExchange, methodId: number): void {
  const { connection, entry, request, answer } = x;
  const { tries } = x.forward;
  const { context } = connection;
  const durationMs = context.wheel.nowMs - x.startedAtMs;
  const status = answer.started ? x.response.status : 0;
  const service = tries.cluster?.ir.service ?? NONE;
  const metrics = entry === null ? context.metrics.unmatched : context.routeMetrics(entry, service);
  metrics.count(methodId, status, durationMs);
  if (context.settings.accessLog.kind === 'off') return;
  const { record } = context;
  const { endpoint } = tries;
  record.timeMs = context.wheel.epochMs - durationMs;
  record.requestId = x.requestId;
  record.clientAddress = x.clientAddress;
  record.method = request.method;
  record.host = request.host;
  record.path = request.path;
  record.query = request.query;
  record.protocol = request.head.minorVersion === 1 ? 'HTTP/1.1' : 'HTTP/1.0';
  record.status = status;
  record.bytesIn = x.requestBytes;
  record.bytesOut = answer.bodyBytes;
  record.durationMs = durationMs;
  record.upstreamMs = tries.upstreamMs;
  record.route = x.routeKey;
  record.rule = x.ruleName;
  record.service = tries.cluster?.ir.service ?? '';
  record.endpoint = endpoint === null ? '' : endpoint.label;
  record.tries = tries.count;
  record.error = x.error;
  record.refusal = x.get(refusalSlot) ?? '';
  record.userAgent = request.header('user-agent') ?? '';
  record.referer = request.header('referer') ?? '';
  record.connectionReused = connection.requests > 1;
  record.tls = connection.transport.tls;
  context.accessLog.write(record);
}

/** Counts and logs bytes that were refused before they were a request. */
export function recordRefusal(connection: ClientConnection, status: number): void {
  const { context, peerAddress, requests } = connection;
  context.metrics.unmatched.count(OTHER_METHOD, status, 0);
  context.metrics.error('requestRefused', 'client');
  if (context.settings.accessLog.kind === 'off') return;
  Object.assign(context.record, emptyAccessRecord(), {
    timeMs: Date.now(),
    clientAddress: peerAddress,
    status,
    error: 'requestRefused',
    connectionReused: requests > 0,
    tls: connection.transport.tls,
  });
  context.accessLog.write(context.record);
}
