import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ObjectRef } from '../../src/ir/origin.ts';
import { objectKey } from '../../src/ir/origin.ts';
import type { ResourceChange, ResourceSource, SourcedObject } from '../../src/sources/source.ts';

/** What the suite needs of an implementation: a place to write objects to, and a source that reads it. */
export interface SourceHarness {
  readonly source: ResourceSource;
  /** Creates or replaces one object, given as YAML. */
  put(ref: ObjectRef, yaml: string): Promise<void>;
  remove(ref: ObjectRef): Promise<void>;
  dispose(): Promise<void>;
}

const route = (name: string): ObjectRef => ({ kind: 'GatewayRoute', namespace: 'shop', name });

export function routeYaml(name: string, respond = '{ status: 200 }'): string {
  return `apiVersion: portreeve.dev/v1alpha1
kind: GatewayRoute
metadata: { name: ${name}, namespace: shop }
spec:
  rules:
  - respond: ${respond}
`;
}

/** Applies changes as a consumer would. */
export class Consumer {
  readonly changes: ResourceChange[] = [];
  readonly objects = new Map<string, SourcedObject>();

  readonly receive = (change: ResourceChange): void => {
    this.changes.push(change);
    for (const ref of change.remove) this.objects.delete(objectKey(ref));
    for (const object of change.upsert) this.objects.set(objectKey(object.ref), object);
  };

  get keys(): string[] {
    return [...this.objects.keys()].sort();
  }

  get findings(): string[] {
    return (this.changes.at(-1)?.findings ?? []).map((finding) => finding.code);
  }

  status(name: string): number | undefined {
    const object = this.objects.get(objectKey(route(name)));
    return object?.kind === 'GatewayRoute' ? object.object.spec.rules[0]?.respond?.status : undefined;
  }
}

/** What every {@link ResourceSource} does. */
export function describeResourceSource(name: string, makeHarness: () => Promise<SourceHarness>): void {
  describe(`${name} as a resource source`, () => {
    let harness: SourceHarness;
    let seen: Consumer;
    const eventually = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 5 });

    beforeEach(async () => {
      harness = await makeHarness();
      seen = new Consumer();
    });
    afterEach(async () => {
      await harness.source.stop();
      await harness.dispose();
    });

    test('the first change holds every object, and start resolves after it', async () => {
      await harness.put(route('a'), routeYaml('a'));
      await harness.put(route('b'), routeYaml('b'));
      await harness.source.start(seen.receive);
      expect(seen.keys).toEqual(['GatewayRoute/shop/a', 'GatewayRoute/shop/b']);
      expect(seen.changes[0]?.upsert).toHaveLength(2);
    });

    test('an empty source gives one empty change', async () => {
      await harness.source.start(seen.receive);
      expect(seen.changes).toEqual([{ upsert: [], remove: [], findings: [] }]);
    });

    test('objects that come, change and go are told one by one', async () => {
      await harness.put(route('a'), routeYaml('a'));
      await harness.source.start(seen.receive);
      const version = seen.objects.get('GatewayRoute/shop/a')!.version;
      await harness.put(route('b'), routeYaml('b'));
      await eventually(() => expect(seen.keys).toHaveLength(2));
      await harness.put(route('a'), routeYaml('a', '{ status: 418 }'));
      await eventually(() => expect(seen.status('a')).toBe(418));
      expect(seen.changes.at(-1)?.upsert.map((object) => object.ref)).toEqual([route('a')]);
      expect(seen.objects.get('GatewayRoute/shop/a')!.version).not.toBe(version);
      await harness.remove(route('b'));
      await eventually(() => expect(seen.keys).toEqual(['GatewayRoute/shop/a']));
      expect(seen.changes.at(-1)?.remove).toEqual([route('b')]);
    });

    test('an object that turns bad stands until it is mended; the others are not touched', async () => {
      await harness.put(route('a'), routeYaml('a'));
      await harness.put(route('b'), routeYaml('b'));
      await harness.source.start(seen.receive);
      await harness.put(route('a'), routeYaml('a', '{ statsu: 418 }'));
      await eventually(() => expect(seen.findings).toEqual(['invalid']));
      expect(seen.keys).toHaveLength(2);
      expect(seen.status('a')).toBe(200);
      const finding = seen.changes.at(-1)!.findings[0]!;
      expect(finding.origin).toMatchObject({ object: route('a'), fieldPath: 'spec.rules[0].respond.statsu' });
      await harness.put(route('a'), routeYaml('a', '{ status: 204 }'));
      await eventually(() => expect(seen.status('a')).toBe(204));
      expect(seen.findings).toEqual([]);
    });

    test('a bad object from the start costs only itself', async () => {
      await harness.put(route('a'), routeYaml('a', '{ statsu: 418 }'));
      await harness.put(route('b'), routeYaml('b'));
      await harness.source.start(seen.receive);
      expect(seen.keys).toEqual(['GatewayRoute/shop/b']);
      expect(seen.findings).toEqual(['invalid']);
    });

    test('a bad object that goes away takes its last good version with it', async () => {
      await harness.put(route('a'), routeYaml('a'));
      await harness.source.start(seen.receive);
      await harness.put(route('a'), routeYaml('a', '{ statsu: 418 }'));
      await eventually(() => expect(seen.findings).toEqual(['invalid']));
      await harness.remove(route('a'));
      await eventually(() => expect(seen.keys).toEqual([]));
      expect(seen.findings).toEqual([]);
    });

    test('an origin names the object and the field', async () => {
      await harness.put(route('a'), routeYaml('a'));
      await harness.source.start(seen.receive);
      const origin = seen.objects.get('GatewayRoute/shop/a')!.origin('spec.rules[0]');
      expect(origin).toMatchObject({ object: route('a'), fieldPath: 'spec.rules[0]' });
    });

    test('after stop nothing is told', async () => {
      await harness.source.start(seen.receive);
      await harness.source.stop();
      await harness.put(route('a'), routeYaml('a'));
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(seen.changes).toHaveLength(1);
    });
  });
}
