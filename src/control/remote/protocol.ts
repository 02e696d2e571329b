import type { ClusterIr, EndpointsIr } from '../../ir/cluster.ts';
import type { ConsumerIr } from '../../ir/consumer.ts';
import type { BindFailure } from '../../ir/messages.ts';
import type { RouteIr } from '../../ir/route.ts';
import type { SecretIr } from '../../ir/secret.ts';
import type { Publication } from '../publisher.ts';

/**
 * The stream of tables from a controller to a data plane that runs apart from it. It is opened by an HTTP/1.1 upgrade
 * (RFC 9110 section 7.8) over TLS; from then on both sides write lines (see `lines.ts`) with one of these messages each.
 *
 *   controller:  hello, then full … end unless the data plane goes on where it was,
 *                then apply and endpoints as they come, beat when there is nothing to say, bye before it closes
 *   data plane:  ack when its threads serve a generation, beat, leaving before it ends
 */
export const STREAM_PATH = '/v1/table';
/** Name of the protocol in `Upgrade`. */
export const STREAM_PROTOCOL = 'portreeve-table';

/** Header fields of the request that opens the stream. */
export const HEADERS = {
  /** Version of the program: the IR of another one may mean something else. */
  version: 'portreeve-version',
  /** What people call the data plane. */
  name: 'portreeve-data-plane',
  /** Differs for each start of a data plane. */
  instance: 'portreeve-instance',
  epoch: 'portreeve-epoch',
  sequence: 'portreeve-sequence',
} as const;

/** Where in a controller's stream a data plane stands. */
export interface Position {
  /** Differs for each start of a controller: its sequence begins anew then. */
  readonly epoch: string;
  /** Grows by one with each `apply` and each `endpoints`. */
  readonly sequence: number;
}

/** One part of a full state. */
export type TablePart =
  | { readonly type: 'route'; readonly route: RouteIr }
  | { readonly type: 'cluster'; readonly cluster: ClusterIr }
  | { readonly type: 'clusterEndpoints'; readonly endpoints: EndpointsIr }
  | { readonly type: 'secret'; readonly secret: SecretIr }
  | { readonly type: 'consumer'; readonly consumer: ConsumerIr };

export type ControllerMessage =
  | { readonly type: 'hello'; readonly epoch: string; readonly resumed: boolean }
  /** So many parts follow, then `end`; they take the place of all that was told before. */
  | {
      readonly type: 'full';
      readonly sequence: number;
      readonly generation: number;
      readonly parts: number;
    }
  | TablePart
  | { readonly type: 'end'; readonly sequence: number }
  | (Publication & { readonly sequence: number })
  | { readonly type: 'beat'; readonly sequence: number }
  | { readonly type: 'bye' };

export type DataPlaneMessage =
  | { readonly type: 'ack'; readonly generation: number; readonly failures: readonly BindFailure[] }
  | { readonly type: 'beat' }
  | { readonly type: 'leaving' };

/** What the other side has sent cannot be what it was meant to send. Nothing after it is believed. */
export class StreamFault extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StreamFault';
  }
}

export interface StreamTiming {
  /** Something is sent at least this often, by either side. */
  readonly beatMs: number;
  /** A side from which nothing came for so long is gone, whatever TCP says. */
  readonly silenceMs: number;
}

export const TIMING: StreamTiming = { beatMs: 5_000, silenceMs: 15_000 };
