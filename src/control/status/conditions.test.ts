import { describe, expect, test } from 'vitest';
import type { Finding } from '../../ir/finding.ts';
import type { Origin } from '../../ir/origin.ts';
import { conditionsOf, type StatusFacts } from './conditions.ts';

const object = { kind: 'GatewayRoute', namespace: 'shop', name: 'users' };
const at = (fieldPath: string): Origin => ({ object, fieldPath, location: null });
const done = { done: 2, total: 2, failure: null };

function statuses(facts: Partial<StatusFacts>): Record<string, string> {
  const conditions = conditionsOf({ findings: [], progress: done, ...facts });
  return Object.fromEntries(conditions.map((one) => [one.type, `${one.status} ${one.reason}`]));
}

function message(type: string, facts: Partial<StatusFacts>): string | undefined {
  return conditionsOf({ findings: [], progress: done, ...facts }).find((one) => one.type === type)?.message;
}

const missing = (rule: number): Finding => ({
  code: 'backendPortNotFound',
  origin: at(`spec.rules[${rule}].backends[0]`),
  service: 'shop/cart',
  port: 'htpp',
  available: ['http (8080)'],
});
const invalid: Finding = { code: 'invalid', origin: at('spec.rules[0]'), message: 'must have an action' };

describe('conditions', () => {
  test('all is well', () => {
    expect(statuses({})).toEqual({
      Accepted: 'True Accepted',
      ResolvedRefs: 'True ResolvedRefs',
      Programmed: 'True Programmed',
    });
  });

  test('kinds that no thread serves by themselves have no Programmed', () => {
    expect(Object.keys(statuses({ progress: null }))).toEqual(['Accepted', 'ResolvedRefs']);
  });

  test('a replica that has not acknowledged', () => {
    const progress = { done: 1, total: 3, failure: null };
    expect(statuses({ progress }).Programmed).toBe('False Pending');
    expect(message('Programmed', { progress })).toBe('1 of 3 replicas serve this version.');
  });

  test('a reference that leads nowhere leaves the route programmed', () => {
    const facts = { findings: [missing(2)] };
    expect(statuses(facts)).toEqual({
      Accepted: 'True Accepted',
      ResolvedRefs: 'False BackendNotFound',
      Programmed: 'True Programmed',
    });
    expect(message('ResolvedRefs', facts)).toBe(
      'spec.rules[2].backends[0]: Service shop/cart has no port htpp (use one of: http (8080))',
    );
  });

  test('what is not valid is not programmed, whoever acknowledged it', () => {
    expect(statuses({ findings: [invalid] })).toMatchObject({
      Accepted: 'False Invalid',
      ResolvedRefs: 'True ResolvedRefs',
      Programmed: 'False Invalid',
    });
    expect(message('Accepted', { findings: [invalid] })).toBe('spec.rules[0]: must have an action');
  });

  test('a last good version that serves in its place', () => {
    const kept: Finding = { code: 'keptLastGood', origin: at(''), since: '2026-01-01T00:00:00.000Z' };
    const facts = { findings: [invalid, kept] };
    expect(statuses(facts).Programmed).toBe('False KeptLastGood');
    expect(message('Programmed', facts)).toContain('2026-01-01');
  });

  test('a rule that a thread could not bind', () => {
    const progress = { ...done, failure: 'spec.rules[0]: policy threw' };
    expect(message('Programmed', { progress })).toBe('A rule answers 500: spec.rules[0]: policy threw');
  });

  test('a shadowed match names the winner', () => {
    const by = { ...at('spec.rules[0].matches[0]'), object: { ...object, name: 'all' } };
    const findings: Finding[] = [{ code: 'shadowed', origin: at('spec.rules[1].matches[0]'), by }];
    expect(statuses({ findings })).toMatchObject({ Accepted: 'True Accepted', Shadowed: 'True Shadowed' });
    expect(message('Shadowed', { findings })).toContain('GatewayRoute/shop/all spec.rules[0].matches[0]');
  });

  test('messages stay below what the CRD allows', () => {
    const findings = Array.from({ length: 5_000 }, (_, rule) => missing(rule));
    const text = message('ResolvedRefs', { findings })!;
    expect(text.length).toBeLessThan(32_768);
    expect(text).toMatch(/and \d+ more$/);
    const huge: Finding = { ...invalid, message: 'x'.repeat(100_000) };
    expect(message('Accepted', { findings: [huge, huge, huge] })!.length).toBeLessThan(32_768);
  });
});
