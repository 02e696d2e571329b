import type { Endpoint } from '../ir/cluster.ts';
import type { Finding } from '../ir/finding.ts';
import { objectKey } from '../ir/origin.ts';
import type { AddressRules } from '../lib/target-address.ts';
import { SERVICE_NAME_LABEL } from '../resources/core/endpoint-slice.ts';
import { checkSlice, collectEndpoints, type SourcedSlice } from './endpoints.ts';
import type { InputObjectOf } from './input.ts';
import { type ServiceShape, sameShape, serviceKey, serviceShape } from './service.ts';

/** The Services and EndpointSlices that there are, found by the Service's key. */
export class ServiceStore {
  readonly #rules: AddressRules;
  readonly #shapes = new Map<string, ServiceShape>();
  /** By Service, then by the slice's key. A slice may come before its Service. */
  readonly #slices = new Map<string, Map<string, SourcedSlice>>();
  /** Service of a slice, by the slice's key: the label may change. */
  readonly #serviceOfSlice = new Map<string, string>();
  readonly #findings = new Map<string, readonly Finding[]>();

  constructor(rules: AddressRules) {
    this.#rules = rules;
  }

  shape(key: string): ServiceShape | undefined {
    return this.#shapes.get(key);
  }

  /** What is wrong with slices. */
  get findings(): readonly Finding[] {
    return [...this.#findings.values()].flat();
  }

  /** Returns the Service's key when routes have to look at it again. */
  putService({ object }: InputObjectOf<'Service'>): string | null {
    const shape = serviceShape(object);
    return this.#setShape(serviceKey(shape.namespace, shape.name), shape);
  }

  removeService(namespace: string, name: string): string | null {
    return this.#setShape(serviceKey(namespace, name), undefined);
  }

  /** Returns the keys of the Services whose endpoints may be different now. */
  putSlice(slice: SourcedSlice): readonly string[] {
    const key = objectKey(slice.ref);
    const before = this.removeSlice(key);
    const report = checkSlice(slice, this.#rules);
    if (report.findings.length > 0) this.#findings.set(key, report.findings);
    const name = slice.object.metadata.labels?.[SERVICE_NAME_LABEL];
    if (name === undefined) return before;
    const service = serviceKey(slice.ref.namespace, name);
    this.#serviceOfSlice.set(key, service);
    const slices = this.#slices.get(service) ?? new Map<string, SourcedSlice>();
    this.#slices.set(service, slices.set(key, slice));
    return [...before, service];
  }

  /** As {@link putSlice}. */
  removeSlice(key: string): readonly string[] {
    this.#findings.delete(key);
    const service = this.#serviceOfSlice.get(key);
    if (service === undefined) return [];
    this.#serviceOfSlice.delete(key);
    const slices = this.#slices.get(service);
    slices?.delete(key);
    if (slices?.size === 0) this.#slices.delete(service);
    return [service];
  }

  /** Endpoints of one port of a Service; none when the Service is not there. */
  endpoints(key: string, portName: string): readonly Endpoint[] {
    const shape = this.#shapes.get(key);
    if (shape === undefined) return [];
    return collectEndpoints(shape, portName, this.#slices.get(key)?.values() ?? [], this.#rules);
  }

  #setShape(key: string, shape: ServiceShape | undefined): string | null {
    if (sameShape(this.#shapes.get(key), shape)) return null;
    if (shape === undefined) this.#shapes.delete(key);
    else this.#shapes.set(key, shape);
    return key;
  }
}
