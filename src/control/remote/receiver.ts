import type { ClusterIr, EndpointsIr } from '../../ir/cluster.ts';
import type { ConsumerIr } from '../../ir/consumer.ts';
import { NO_CHANGE } from '../../ir/gateway.ts';
import type { RouteIr } from '../../ir/route.ts';
import type { SecretIr } from '../../ir/secret.ts';
import type { Publisher } from '../publisher.ts';
import { type ControllerMessage, type Position, StreamFault } from './protocol.ts';
import { replacement } from './replacement.ts';

export interface ReceiverEvents {
  /** The threads were told something new. */
  published(what: 'routes' | 'endpoints'): void;
  /** Everything that the controller knew is told, and its generation is the one of our publisher with that number. */
  reached(generation: number, own: number): void;
}

interface Staged {
  readonly sequence: number;
  readonly generation: number;
  readonly parts: number;
  readonly routes: RouteIr[];
  readonly clusters: ClusterIr[];
  readonly endpoints: EndpointsIr[];
  readonly secrets: SecretIr[];
  readonly consumers: ConsumerIr[];
}

/** More parts than these are no table: 10,000 routes and their clusters are 30,000. */
const MAX_PARTS = 2_000_000;

/**
 * Takes the messages of a controller and publishes what they say. A full state is published when it is whole; until then,
 * and after any fault, the threads keep what they have.
 */
export class Receiver {
  readonly #publisher: Publisher;
  readonly #events: ReceiverEvents;
  #position: Position | null = null;
  #epoch = '';
  #greeted = false;
  #staged: Staged | null = null;

  constructor(publisher: Publisher, events: ReceiverEvents) {
    this.#publisher = publisher;
    this.#events = events;
  }

  /** Up to where the threads were told; null: nothing by a controller yet. */
  get position(): Position | null {
    return this.#position;
  }

  /** After a fault: the next stream begins with a full state, whatever was wrong with this one. */
  forgetPosition(): void {
    this.#position = null;
  }

  /** A new connection: what was half told on the one before is forgotten. */
  begin(): void {
    this.#staged = null;
    this.#greeted = false;
  }

  /** @throws StreamFault when it can't be what follows. */
  take(message: ControllerMessage): void {
    if (typeof message !== 'object' || message === null) throw new StreamFault('a message is no object');
    if (!this.#greeted && message.type !== 'hello')
      throw new StreamFault('the stream begins without a hello');
    switch (message.type) {
      case 'hello':
        this.#greet(message.epoch, message.resumed);
        break;
      case 'full':
        this.#stage(message);
        break;
      case 'route':
        this.#staging().routes.push(message.route);
        break;
      case 'cluster':
        this.#staging().clusters.push(message.cluster);
        break;
      case 'clusterEndpoints':
        this.#staging().endpoints.push(message.endpoints);
        break;
      case 'secret':
        this.#staging().secrets.push(message.secret);
        break;
      case 'consumer':
        this.#staging().consumers.push(message.consumer);
        break;
      case 'end':
        this.#replace(message.sequence);
        break;
      case 'apply':
        this.#next(message.sequence);
        this.#told('routes', message.generation, this.#publisher.publish(message.delta, message.endpoints));
        break;
      case 'endpoints':
        this.#next(message.sequence);
        this.#publisher.publishEndpoints(message.endpoints);
        this.#events.published('endpoints');
        break;
      case 'beat':
        if (message.sequence !== this.#position?.sequence) throw gap(message.sequence, this.#position);
        break;
      case 'bye':
        break;
      default:
        throw new StreamFault('a message is of an unknown type');
    }
  }

  #greet(epoch: string, resumed: boolean): void {
    this.#greeted = true;
    this.#epoch = epoch;
    if (resumed && this.#position?.epoch !== epoch)
      throw new StreamFault('the controller goes on with a stream that is another one');
  }

  #stage({ sequence, generation, parts }: Extract<ControllerMessage, { type: 'full' }>): void {
    if (!(parts <= MAX_PARTS)) throw new StreamFault(`a table of ${parts} parts is more than is taken`);
    this.#staged = {
      sequence,
      generation,
      parts,
      routes: [],
      clusters: [],
      endpoints: [],
      secrets: [],
      consumers: [],
    };
  }

  #staging(): Staged {
    const staged = this.#staged;
    if (staged === null) throw new StreamFault('a part of a full state comes without one');
    if (countParts(staged) >= staged.parts) throw new StreamFault('a full state has more parts than it said');
    return staged;
  }

  #replace(sequence: number): void {
    const staged = this.#staged;
    if (staged === null || staged.sequence !== sequence || countParts(staged) !== staged.parts)
      throw new StreamFault('a full state is not whole');
    this.#staged = null;
    const { state, generation } = this.#publisher;
    const change = replacement(state, staged);
    this.#position = { epoch: this.#epoch, sequence };
    // What is served already is not compiled again, but a first table is one even if it is empty.
    if (change.delta === null && generation > 0) {
      if (change.endpoints.length > 0) this.#publisher.publishEndpoints(change.endpoints);
      this.#told('endpoints', staged.generation, generation);
    } else {
      const own = this.#publisher.publish(change.delta ?? NO_CHANGE, change.endpoints);
      this.#told('routes', staged.generation, own);
    }
  }

  #next(sequence: number): void {
    if (this.#staged !== null) throw new StreamFault('a change comes within a full state');
    if (this.#position?.epoch !== this.#epoch || sequence !== this.#position.sequence + 1)
      throw gap(sequence, this.#position);
    this.#position = { epoch: this.#epoch, sequence };
  }

  #told(what: 'routes' | 'endpoints', generation: number, own: number): void {
    this.#events.published(what);
    this.#events.reached(generation, own);
  }
}

function countParts({ routes, clusters, endpoints, secrets, consumers }: Staged): number {
  return routes.length + clusters.length + endpoints.length + secrets.length + consumers.length;
}

function gap(sequence: number, position: Position | null): StreamFault {
  return new StreamFault(`change ${sequence} does not follow ${position?.sequence ?? 'nothing'}`);
}
