import type { Finding } from '../ir/finding.ts';
import type { ResourceChange, ResourceSource } from '../sources/source.ts';
import type { TranslatedChange, Translator } from '../translate/translator.ts';
import { Batcher } from './batch.ts';
import { inParts, mergeChanges } from './changes.ts';
import type { Publisher } from './publisher.ts';

export interface ControlLoopOptions {
  readonly source: ResourceSource;
  readonly translator: Translator;
  readonly publisher: Publisher;
  /** Findings that need all routes, such as shadowed matches; asked when changes have paused, if one was of a route. */
  readonly review: () => readonly Finding[];
  /** After a review: everything that is known to be wrong now. */
  readonly onFindings: (findings: readonly Finding[]) => void;
  /** What was translated, and the generation whose acknowledgement means that it is served. */
  readonly onPublished?: (generation: number, change: ResourceChange) => void;
}

/** Threads compile so many routes of the first table while as many more are translated. */
const PART_ROUTES = 500;
/** A storm of changes is published at most this often. */
const WINDOW_MS = 20;
/** A review may take as long as many changes: it waits for a pause. */
const REVIEW_AFTER_MS = 250;
/** Under changes without a pause. */
const REVIEW_AT_LEAST_MS = 5_000;

/**
 * Source → translation → threads. One of four things happens:
 *   a change of resources        translated and published as a new generation, unless it
 *   touches endpoints only       then these are published without one;
 *   a change of EndpointSlices   waits for no other: it is translated and published at once;
 *   a pause in the changes       the whole is reviewed, and findings are handed on.
 */
export class ControlLoop {
  readonly #options: ControlLoopOptions;
  readonly #batcher: Batcher<ResourceChange>;
  #reviewTimer: NodeJS.Timeout | null = null;
  #reviewDueAtMs = 0;
  #reviewed: readonly Finding[] = [];
  /** Since the last review. It takes as long as there are routes, and holds up the endpoints that change meanwhile. */
  #routesChanged = false;
  #started = false;
  /** Slices are among the changes that wait: later ones must not overtake them. */
  #slicesWait = false;

  constructor(options: ControlLoopOptions) {
    this.#options = options;
    this.#batcher = new Batcher(WINDOW_MS, (changes) => {
      this.#slicesWait = false;
      this.#take(mergeChanges(changes));
    });
  }

  /**
   * Resolves when the first generation, with everything that the source holds, is published.
   * @throws Error when the source can't be read at all.
   */
  async start(): Promise<void> {
    await this.#options.source.start((change) => {
      if (this.#started) this.#receive(change);
      else this.#begin(change);
      this.#started = true;
    });
  }

  async stop(): Promise<void> {
    await this.#options.source.stop();
    this.#batcher.close();
    if (this.#reviewTimer !== null) clearTimeout(this.#reviewTimer);
    this.#reviewTimer = null;
  }

  /** Everything that is known to be wrong now. */
  get findings(): readonly Finding[] {
    return [...this.#options.translator.findings, ...this.#reviewed];
  }

  #receive(change: ResourceChange): void {
    const [slices, others] = countSlices(change);
    if (slices > 0 && others === 0 && !this.#slicesWait) {
      this.#take(change);
      return;
    }
    if (slices > 0) this.#slicesWait = true;
    this.#batcher.add([change]);
  }

  /** The first change holds everything: it takes the place of a table that was served from before. */
  #begin(change: ResourceChange): void {
    const { translator, publisher } = this.#options;
    this.#routesChanged = true;
    if (publisher.generation > 0) {
      const { delta, endpoints } = translator.update(change);
      publisher.publish(publisher.state.replacedBy(delta), endpoints);
    } else {
      const parts = inParts(change, PART_ROUTES);
      for (const [index, part] of parts.entries()) {
        const { delta, endpoints } = translator.update(part);
        if (index < parts.length - 1) publisher.stage(delta, endpoints);
        else publisher.publish(delta, endpoints);
      }
    }
    this.#afterChange(publisher.generation, change);
  }

  #take(change: ResourceChange): void {
    const { translator, publisher } = this.#options;
    const { delta, endpoints } = translator.update(change);
    if (touchesRoutes(delta)) {
      publisher.publish(delta, endpoints);
      this.#routesChanged = true;
    } else if (endpoints.length > 0) publisher.publishEndpoints(endpoints);
    this.#afterChange(publisher.generation, change);
  }

  #afterChange(generation: number, change: ResourceChange): void {
    this.#options.onPublished?.(generation, change);
    const nowMs = performance.now();
    if (this.#reviewTimer === null) {
      this.#reviewDueAtMs = nowMs + REVIEW_AT_LEAST_MS;
      this.#reviewTimer = setTimeout(() => this.#review(), REVIEW_AFTER_MS);
    } else if (nowMs < this.#reviewDueAtMs) this.#reviewTimer.refresh();
  }

  #review(): void {
    this.#reviewTimer = null;
    const { review, onFindings } = this.#options;
    if (this.#routesChanged) this.#reviewed = review();
    this.#routesChanged = false;
    onFindings(this.findings);
  }
}

function touchesRoutes(delta: TranslatedChange['delta']): boolean {
  return Object.values(delta).some((list) => list.length > 0);
}

function countSlices({ upsert, remove }: ResourceChange): [slices: number, others: number] {
  let slices = 0;
  for (const { kind } of upsert) if (kind === 'EndpointSlice') slices += 1;
  for (const { kind } of remove) if (kind === 'EndpointSlice') slices += 1;
  return [slices, upsert.length + remove.length - slices];
}
