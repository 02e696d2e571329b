import { randomUUID } from 'node:crypto';
import type { ApiClient } from '../client/client.ts';
import { type KubeKind, pathOf } from '../client/object.ts';
import { TokenBucket } from '../client/token-bucket.ts';
import { KINDS } from '../kinds.ts';
import type { ObservedObject } from '../observed-status.ts';
import { isBad, type StoredCondition } from './merge.ts';

const EVENT: KubeKind = { kind: 'Event', apiVersion: 'events.k8s.io/v1', plural: 'events' };

/** The API server refuses longer ones. */
const MAX_NOTE = 1_000;
const PER_SECOND = 5;
const BURST = 25;
/** A state on the way to another one. */
const PASSING: ReadonlySet<string> = new Set(['Pending']);

export interface EventWriterOptions {
  readonly client: ApiClient;
  /** Names the controller, such as `portreeve.dev/controller`. */
  readonly controller: string;
  /** The replica. */
  readonly instance: string;
}

/** Events about transitions of conditions. They are news, not state: what can't be sent, or would be too many, is lost. */
export class EventWriter {
  readonly #options: EventWriterOptions;
  readonly #bucket = new TokenBucket(PER_SECOND, BURST);

  constructor(options: EventWriterOptions) {
    this.#options = options;
  }

  emit({ ref, uid }: ObservedObject, condition: StoredCondition): void {
    if (PASSING.has(condition.reason) || this.#bucket.take() > 0) return;
    const { client, controller, instance } = this.#options;
    const { apiVersion, kind } = KINDS[ref.kind];
    const body = {
      apiVersion: EVENT.apiVersion,
      kind: EVENT.kind,
      metadata: { name: `${ref.name.slice(0, 200)}.${randomUUID()}`, namespace: ref.namespace },
      eventTime: new Date().toISOString().replace('Z', '000Z'),
      reportingController: controller,
      reportingInstance: instance.slice(0, 128),
      action: condition.type,
      reason: condition.reason,
      regarding: { apiVersion, kind, namespace: ref.namespace, name: ref.name, uid },
      note: condition.message.slice(0, MAX_NOTE),
      type: isBad(condition) ? 'Warning' : 'Normal',
    };
    client.json({ method: 'POST', path: pathOf(EVENT, ref.namespace), body }).catch(() => {});
  }
}
