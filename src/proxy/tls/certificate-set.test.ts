import type { SecureContext } from 'node:tls';
import { beforeAll, expect, test } from 'vitest';
import { issueCertificate } from '../../admin/webhook/certificate.ts';
import { certificateKey } from '../../ir/secret.ts';
import { createTicketKeyMemory, rotateTicketKeys, TicketKeys } from '../../state/ticket-keys.ts';
import { CertificateSet } from './certificate-set.ts';

const texts: Record<string, string> = {};
beforeAll(async () => {
  for (const names of [['shop.test', 'alias.test'], ['*.shop.test'], ['cart.shop.test']] as [string][]) {
    const { cert, key } = await issueCertificate({ names, nowMs: Date.now(), lifetimeMs: 3_600_000 });
    texts[names[0]] = cert + key;
  }
});

const keysOf = (context: SecureContext) =>
  (context.context as { getTicketKeys(): Buffer }).getTicketKeys().toString('hex');

function make(memory = createTicketKeyMemory(), ticketKeys = new TicketKeys(memory)) {
  const refused: string[] = [];
  const set = new CertificateSet({
    ...{ listener: 'https', minVersion: 'TLSv1.2', ticketKeys },
    onRefused: (key, reason) => refused.push(`${key}: ${reason}`),
  });
  return { memory, refused, set };
}
const keyAt = (place: number, listener = 'https') =>
  certificateKey({ listener, place, namespace: 'shop', name: `t${place}` });
const upsert = (...names: string[]) =>
  names.map((name, place) => ({ key: keyAt(place), text: texts[name]! }));
const placeOf = (set: CertificateSet, name: string): number | undefined => set.choose(name)?.place;

test('takes those of its listener, in the order of the list, however they come', () => {
  const { set } = make();
  expect([set.empty, set.choose('shop.test')]).toEqual([true, null]);
  const [first, second] = upsert('shop.test', '*.shop.test');
  set.apply([{ key: keyAt(0, 'other'), text: texts['cart.shop.test']! }], []);
  set.apply([{ key: 'Secret/shop/jwt/key', text: 'no certificate' }], []);
  expect(set.empty).toBe(true);
  set.apply([second!], []);
  set.apply([first!], []);
  expect(['unknown.test', '', 'www.shop.test'].map((name) => placeOf(set, name))).toEqual([0, 0, 1]);
  set.apply([], [keyAt(0)]);
  expect([set.empty, placeOf(set, '')]).toEqual([false, 1]);
});

test('one that can not be used costs itself: the one before it stays', () => {
  const { set, refused } = make();
  set.apply(upsert('shop.test', '*.shop.test'), []);
  const before = set.choose('shop.test');
  set.apply([{ key: keyAt(0), text: 'nonsense' }, upsert('', 'cart.shop.test')[1]!], []);
  expect(set.choose('shop.test')).toBe(before);
  expect(placeOf(set, 'cart.shop.test')).toBe(1);
  expect(refused).toEqual([expect.stringMatching(/^Certificate\/https\/0\/shop\/t0: /)]);
});

test('a changed one gets another context, the others keep theirs', () => {
  const { set } = make();
  set.apply(upsert('shop.test', '*.shop.test'), []);
  const contexts = () => ['shop.test', 'www.shop.test'].map((name) => set.contextOf(set.choose(name)));
  const [first, second] = contexts();
  set.apply([{ key: keyAt(0), text: texts['shop.test']! }], []);
  expect(contexts()[0]).not.toBe(first);
  expect(contexts()[1]).toBe(second);
});

test('contexts have the ticket keys of now, also those that are made later', () => {
  const { set, memory } = make();
  set.apply(upsert('shop.test'), []);
  const certificate = set.choose('shop.test');
  const before = keysOf(set.contextOf(certificate));
  rotateTicketKeys(memory);
  const after = keysOf(set.contextOf(certificate));
  expect(after).not.toBe(before);
  set.apply([upsert('', 'cart.shop.test')[1]!], []);
  expect(keysOf(set.contextOf(set.choose('cart.shop.test')))).toBe(after);
});

test('the listeners of a thread have the same ticket keys, whichever of them sees first that they changed', () => {
  const memory = createTicketKeyMemory();
  const ticketKeys = new TicketKeys(memory);
  const sets = [make(memory, ticketKeys), make(memory, ticketKeys)].map(({ set }) => set);
  for (const set of sets) set.apply(upsert('shop.test'), []);
  const keys = () => sets.map((set) => keysOf(set.contextOf(set.choose('shop.test'))));
  const before = keys();
  rotateTicketKeys(memory);
  const [one, other] = keys();
  expect(one).toBe(other);
  expect(before).not.toContain(one);
});

test.each([
  ['', 'anything.test', true],
  ['shop.test', 'shop.test', true],
  ['shop.test', 'alias.test', true],
  ['shop.test', 'www.shop.test', false],
  ['www.shop.test', 'img.shop.test', true],
  ['www.shop.test', 'cart.shop.test', false],
  ['unknown.test', 'unknown.test', true],
  ['unknown.test', 'alias.test', true],
  ['unknown.test', 'other.test', false],
])('who asked for %j may ask for host %s: %s', (serverName, host, expected) => {
  const { set } = make();
  set.apply(upsert('shop.test', '*.shop.test', 'cart.shop.test'), []);
  expect(set.covers(serverName, host)).toBe(expected);
});
