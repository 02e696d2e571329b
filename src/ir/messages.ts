import type { EndpointsIr } from './cluster.ts';
import type { IrDelta } from './gateway.ts';
import type { Origin } from './origin.ts';
import type { GatewaySettings } from './settings.ts';

/** Memory in which all threads of the program count; `state/limits` makes it and knows its layout. */
export interface LimitMemory {
  readonly buckets: SharedArrayBuffer;
  readonly permits: SharedArrayBuffer;
  /** Nonces of signed requests that were used. */
  readonly nonces: SharedArrayBuffer;
  /** One Int32: how many replicas share the limits of scope `replicas`; 0: the configuration does not say. */
  readonly replicas: SharedArrayBuffer;
  /** As many as have a place for the permits that they hold. */
  readonly threads: number;
}

/** Memory in which all threads of the program keep answers; `state/cache` makes it and knows its layout. */
export interface CacheMemory {
  readonly answers: SharedArrayBuffer;
  readonly flights: SharedArrayBuffer;
  /** What each thread may keep of them unpacked, in bytes. */
  readonly unpackedBytes: number;
}

/** Keys of TLS session tickets that all threads share; `state/ticket-keys.ts` knows the layout. Never print them. */
export interface TicketKeyMemory {
  readonly shared: SharedArrayBuffer;
}

/** `workerData` of a data-plane thread. */
export interface ThreadStart {
  readonly threadId: number;
  readonly settings: GatewaySettings;
  readonly limits: LimitMemory;
  readonly cache: CacheMemory;
  readonly ticketKeys: TicketKeyMemory;
}

/** Control thread → data-plane thread. */
export type ControlMessage =
  /**
   * A part of the first table: it is compiled as it comes, and served with the `apply` that brings the last part.
   * It only adds, and is only sent to threads that serve nothing yet.
   */
  | { readonly type: 'stage'; readonly delta: IrDelta; readonly endpoints: readonly EndpointsIr[] }
  | {
      readonly type: 'apply';
      readonly generation: number;
      readonly delta: IrDelta;
      readonly endpoints: readonly EndpointsIr[];
    }
  /** Endpoint changes have a path of their own: no generation, no rebuild of routes. */
  | { readonly type: 'endpoints'; readonly endpoints: readonly EndpointsIr[] }
  /** Begin to listen; sent after the first `apply`. */
  | { readonly type: 'listen' }
  /** Stop accepting, finish what runs, then answer `drained`. */
  | { readonly type: 'drain'; readonly timeoutMs: number }
  | { readonly type: 'stop' };

/**
 * What a thread could not bind (for example a policy that threw): a rule answers 500 until it is mended, and the same get all
 * requests of a Consumer.
 */
export interface BindFailure {
  /** Of the GatewayRoute or the Consumer. */
  readonly objectKey: string;
  readonly origin: Origin;
  readonly message: string;
}

/** Data-plane thread → control thread. Metrics and logs have channels of their own (see `observe/`). */
export type ThreadMessage =
  | { readonly type: 'ack'; readonly generation: number; readonly failures: readonly BindFailure[] }
  | {
      readonly type: 'listening';
      readonly ports: readonly { readonly listener: string; readonly port: number }[];
    }
  | { readonly type: 'listenFailed'; readonly listener: string; readonly message: string }
  | { readonly type: 'drained'; readonly aborted: number }
  | { readonly type: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly message: string };
