import type { Finding } from '../../ir/finding.ts';
import { type ObjectRef, objectKey } from '../../ir/origin.ts';
import type { ResourceKind } from '../../resources/kinds.ts';
import type { ResourceValidators } from '../../resources/validate/validators.ts';
import type { ResourceChange, SourcedObject } from '../source.ts';
import { type ReadObject, readObject, versionOf } from './read-object.ts';
import type { ReflectorDelta } from './reflector.ts';

interface Entry {
  readonly latest: ReadObject;
  /** `latest`, or the last version before it that was valid; null: there was none. */
  readonly good: SourcedObject | null;
}

/** What the reflectors say together, as far as its namespaces are watched. */
export class ObjectState {
  readonly #validators: ResourceValidators;
  readonly #entries = new Map<string, Entry>();
  readonly #bad = new Map<string, readonly Finding[]>();
  #findings: readonly Finding[] | null = [];
  readonly #isOwn: (ref: ObjectRef) => boolean;
  /** Whether objects of a namespace are handed out. */
  #allows: (namespace: string) => boolean = () => true;

  /** @param isOwn of objects that the gateway itself refers to: they are handed out wherever they are */
  constructor(validators: ResourceValidators, isOwn: (ref: ObjectRef) => boolean) {
    this.#validators = validators;
    this.#isOwn = isOwn;
  }

  /** Of objects that are handed out. */
  get findings(): readonly Finding[] {
    this.#findings ??= [...this.#bad.values()].flat().filter(({ origin }) => this.#handsOut(origin.object));
    return this.#findings;
  }

  watches(namespace: string): boolean {
    return this.#allows(namespace);
  }

  /** Everything that is handed out. */
  all(): readonly SourcedObject[] {
    const objects = [...this.#entries.values()].map((entry) => entry.good);
    return objects.filter((good) => good !== null && this.#handsOut(good.ref)) as SourcedObject[];
  }

  /** What a reflector tells; null when it makes no difference to anyone. */
  apply(kind: ResourceKind, delta: ReflectorDelta): ResourceChange | null {
    const before = this.findings;
    const upsert: SourcedObject[] = [];
    const remove: ObjectRef[] = [];
    for (const ref of delta.remove) if (this.#remove(ref)) remove.push(ref);
    for (const object of delta.upsert) {
      const key = objectKey({ kind, namespace: object.metadata.namespace ?? '', name: object.metadata.name });
      if (this.#entries.get(key)?.latest.version === versionOf(kind, object.metadata)) continue;
      const good = this.#put(key, readObject(kind, object, this.#validators));
      if (good !== null) upsert.push(good);
    }
    if (upsert.length === 0 && remove.length === 0 && before === this.findings) return null;
    return { upsert, remove, findings: this.findings };
  }

  /** Other namespaces are watched now: objects appear and vanish, slices apart from the rest. */
  allow(allows: (namespace: string) => boolean): readonly ResourceChange[] {
    const before = this.#allows;
    this.#allows = allows;
    this.#findings = null;
    const upsert: SourcedObject[] = [];
    const remove: ObjectRef[] = [];
    for (const { good } of this.#entries.values()) {
      if (good === null || this.#isOwn(good.ref)) continue;
      if (before(good.ref.namespace) === allows(good.ref.namespace)) continue;
      if (allows(good.ref.namespace)) upsert.push(good);
      else remove.push(good.ref);
    }
    const part = (slices: boolean): ResourceChange => ({
      upsert: upsert.filter(({ kind }) => (kind === 'EndpointSlice') === slices),
      remove: remove.filter(({ kind }) => (kind === 'EndpointSlice') === slices),
      findings: this.findings,
    });
    return [part(true), part(false)].filter((change) => change.upsert.length + change.remove.length > 0);
  }

  #handsOut(ref: ObjectRef): boolean {
    return this.#allows(ref.namespace) || this.#isOwn(ref);
  }

  #put(key: string, latest: ReadObject): SourcedObject | null {
    const good = latest.good ?? this.#entries.get(key)?.good ?? null;
    this.#entries.set(key, { latest, good });
    const wasBad = this.#bad.delete(key);
    if (latest.findings.length > 0) this.#bad.set(key, latest.findings);
    if (wasBad || latest.findings.length > 0) this.#findings = null;
    return latest.good !== null && this.#handsOut(latest.ref) ? latest.good : null;
  }

  /** Whether it was handed out. */
  #remove(ref: ObjectRef): boolean {
    const key = objectKey(ref);
    const entry = this.#entries.get(key);
    this.#entries.delete(key);
    if (this.#bad.delete(key)) this.#findings = null;
    return entry !== undefined && entry.good !== null && this.#handsOut(ref);
  }
}
