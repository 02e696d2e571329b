import { afterEach, expect, test } from 'vitest';
import type { GatewayRoute } from '../../resources/gateway-route/schema.ts';
import type { TranslateOptions } from '../../translate/options.ts';
import type { RouteCheckJob } from './check-route.ts';
import { RouteChecker } from './route-checker.ts';

const options: TranslateOptions = {
  listeners: [],
  catalogue: new Map(),
  globalPolicies: [],
  backends: {
    allowUrls: false,
    allowLoopback: false,
    allowLinkLocal: false,
    allowExternalNames: false,
    crossNamespace: { kind: 'any' },
  },
};
let checker = new RouteChecker(options);
afterEach(async () => {
  await checker.close();
  checker = new RouteChecker(options);
});

function job(...patterns: readonly string[]): RouteCheckJob {
  const rules = patterns.map((regex) => ({
    matches: [{ path: { regex } }],
    respond: { status: 200, body: '' },
  }));
  const metadata = { name: 'mine', namespace: 'shop' };
  const object = { apiVersion: 'portreeve.dev/v1alpha1', kind: 'GatewayRoute', metadata, spec: { rules } };
  return {
    ref: { kind: 'GatewayRoute', ...metadata },
    object: object as unknown as GatewayRoute,
    services: new Map(),
    referred: new Map(),
    secrets: new Map(),
  };
}
/** Minutes of work in an object that an API server takes. */
const endless = job(...Array.from({ length: 2_000 }, () => `${'(a{900}){1}|'.repeat(80)}b`));
const never = new AbortController().signal;

test('tells what is wrong, and gives the route', async () => {
  const { faults, notes, route } = await checker.check(job('/a', '['), never);
  expect(faults.map(({ code, origin }) => [code, origin.fieldPath])).toEqual([
    ['regexRefused', 'spec.rules[1].matches[0].path.regex'],
  ]);
  expect(notes).toEqual([]);
  expect(route.rules).toHaveLength(2);
});

test('a check that is given up holds up no other, nor the event loop', async () => {
  const late = new AbortController();
  const first = checker.check(endless, late.signal);
  const behind = checker.check(job('/a'), never);
  const turn = await new Promise((resolve) => setTimeout(() => resolve('turned'), 50));
  expect(turn).toBe('turned');
  late.abort();
  await expect(first).rejects.toThrow('given up');
  expect((await behind).faults).toEqual([]);
});

test('a check that is given up before its turn is never made', async () => {
  const [first, second] = [new AbortController(), new AbortController()];
  const running = checker.check(endless, first.signal);
  const waiting = checker.check(job('/a'), second.signal);
  second.abort();
  await expect(waiting).rejects.toThrow('given up');
  first.abort();
  await expect(running).rejects.toThrow('given up');
});

test('too many at once are turned away, and the rest is answered', async () => {
  const late = new AbortController();
  const slow = checker.check(endless, late.signal);
  const others = Array.from({ length: 70 }, () =>
    checker.check(job('/a'), never).then(
      () => 'done',
      () => 'refused',
    ),
  );
  late.abort();
  await expect(slow).rejects.toThrow();
  const outcomes = await Promise.all(others);
  expect(outcomes.filter((outcome) => outcome === 'done')).toHaveLength(64);
});

test('what waits when it ends is told so', async () => {
  const running = checker.check(endless, never);
  const waiting = checker.check(job('/a'), never);
  const closed = checker.close();
  await expect(running).rejects.toThrow('the gateway ends');
  await expect(waiting).rejects.toThrow('the gateway ends');
  await closed;
});

test('a thread that fails is replaced', async () => {
  const broken = { ...job('/a'), object: null as unknown as GatewayRoute };
  await expect(checker.check(broken, never)).rejects.toThrow();
  expect((await checker.check(job('/a'), never)).faults).toEqual([]);
});
