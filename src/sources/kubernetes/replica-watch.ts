import { isIPv6 } from 'node:net';
import { SERVICE_NAME_LABEL } from '../../resources/core/endpoint-slice.ts';
import type { ApiClient } from './client/client.ts';
import type { KubeObject } from './client/object.ts';
import { KINDS } from './kinds.ts';
import { Reflector, type ReflectorDelta, type ReflectorFailure } from './reflector.ts';

export interface ReplicaWatchOptions {
  readonly client: ApiClient;
  /** The headless Service over all replicas. */
  readonly service: { readonly namespace: string; readonly name: string };
  /** Name of the Service's port that leads to the admin server. */
  readonly portName: string;
  /** Base URLs of the admin servers of the ready replicas, by the names of their pods. */
  readonly onReplicas: (replicas: ReadonlyMap<string, string>) => void;
  readonly onFailure: (failure: ReflectorFailure) => void;
}

interface Slice {
  readonly endpoints?:
    | readonly {
        readonly addresses?: readonly string[];
        readonly conditions?: {
          readonly ready?: boolean | null;
          readonly serving?: boolean | null;
          readonly terminating?: boolean | null;
        } | null;
        readonly targetRef?: { readonly name?: string } | null;
      }[]
    | null;
  readonly ports?: readonly { readonly name?: string | null; readonly port?: number | null }[] | null;
}

/** The ready replicas of this program, found as any client would find them: by the slices of their Service. */
export class ReplicaWatch {
  readonly #options: ReplicaWatchOptions;
  readonly #slices = new Map<string, ReadonlyMap<string, string>>();
  readonly #reflector: Reflector;

  constructor(options: ReplicaWatchOptions) {
    this.#options = options;
    const { client, service, onFailure } = options;
    this.#reflector = new Reflector({
      client,
      kind: KINDS.EndpointSlice,
      selection: { namespace: service.namespace, labelSelector: `${SERVICE_NAME_LABEL}=${service.name}` },
      onDelta: (delta) => this.#take(delta),
      onFailure,
    });
  }

  start(): void {
    this.#reflector.start();
  }

  stop(): Promise<void> {
    return this.#reflector.stop();
  }

  #take({ upsert, remove }: ReflectorDelta): void {
    for (const { name } of remove) this.#slices.delete(name);
    for (const slice of upsert)
      this.#slices.set(slice.metadata.name, readyReplicas(slice, this.#options.portName));
    this.#options.onReplicas(new Map([...this.#slices.values()].flatMap((replicas) => [...replicas])));
  }
}

function readyReplicas(object: KubeObject, portName: string): ReadonlyMap<string, string> {
  const { endpoints, ports } = object as Slice;
  const port = ports?.find(({ name }) => name === portName)?.port;
  const replicas = new Map<string, string>();
  for (const { addresses, conditions, targetRef } of endpoints ?? []) {
    const address = addresses?.[0];
    // The Service publishes all of them as ready, so that they have names: `serving` is what the pod says.
    const ready =
      conditions?.ready !== false && conditions?.serving !== false && conditions?.terminating !== true;
    if (address === undefined || port == null || !ready) continue;
    const host = isIPv6(address) ? `[${address}]` : address;
    replicas.set(targetRef?.name ?? address, `http://${host}:${port}`);
  }
  return replicas;
}
