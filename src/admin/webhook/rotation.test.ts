import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import type { CertificatePair } from './certificate.ts';
import {
  type CertificateState,
  NO_CERTIFICATE,
  planRotation,
  type RotationRules,
  rotate,
  trustedAuthorities,
} from './rotation.ts';
import { decodeState, encodeState } from './shared-state.ts';
import { issue, NAMES } from './testing.ts';

const START = Date.parse('2026-05-01T00:00:00Z');
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const RULES: RotationRules = { names: [...NAMES], lifetimeMs: 90 * DAY, settleMs: 10_000 };

let first: CertificatePair;
let second: CertificatePair;
beforeAll(async () => {
  [first, second] = await Promise.all([
    issue(START, RULES.lifetimeMs),
    issue(START + 60 * DAY, RULES.lifetimeMs),
  ]);
});

const plan = (state: Partial<CertificateState>, atMs: number, trustedSinceMs: number | null = null) =>
  planRotation({ ...NO_CERTIFICATE, ...state }, trustedSinceMs, START + atMs, RULES);

describe('the next step', () => {
  test('is a certificate where there is none that can be served', () => {
    expect(plan({}, 0)).toEqual({ kind: 'renew' });
    expect(plan({ current: { ...first, key: second.key } }, 0)).toEqual({ kind: 'renew' });
    expect(plan({ current: first }, 90 * DAY)).toEqual({ kind: 'renew' });
  });

  test('comes when a third of the life is left', () => {
    expect(plan({ current: first }, 0)).toEqual({ kind: 'wait', untilMs: START + 60 * DAY });
    expect(plan({ current: first }, 60 * DAY - 1)).toMatchObject({ kind: 'wait' });
    expect(plan({ current: first }, 60 * DAY)).toEqual({ kind: 'stage' });
  });

  test('serves the next one only when API servers had time to learn its authority', () => {
    const state = { current: first, next: second };
    const at = 60 * DAY;
    expect(plan(state, at)).toEqual({ kind: 'wait', untilMs: null });
    expect(plan(state, at + 9_999, START + at)).toEqual({ kind: 'wait', untilMs: START + at + 10_000 });
    expect(plan(state, at + 10_000, START + at)).toEqual({ kind: 'promote' });
  });

  test('serves the next one at once when the current one can no longer be', () => {
    expect(plan({ current: first, next: second }, 90 * DAY)).toEqual({ kind: 'promote' });
  });

  test('makes another next one in place of one that can not be served', () => {
    const next = { ...second, ca: first.ca };
    expect(plan({ current: first, next }, 61 * DAY, START)).toEqual({ kind: 'stage' });
  });

  test('forgets the old authority when it ends', () => {
    const state = { current: second, previousCa: first.ca };
    expect(plan(state, 61 * DAY)).toEqual({ kind: 'wait', untilMs: START + 90 * DAY });
    expect(plan(state, 90 * DAY)).toEqual({ kind: 'forget' });
    expect(plan({ current: second, previousCa: 'edited' }, 61 * DAY)).toEqual({ kind: 'forget' });
  });
});

test('authorities are trusted from before they are served until they end, each once', () => {
  const at = (state: Partial<CertificateState>, ms: number) =>
    trustedAuthorities({ ...NO_CERTIFICATE, ...state }, START + ms);
  expect(at({}, 0)).toBe('');
  expect(at({ current: first, next: second }, 60 * DAY)).toBe(first.ca + second.ca);
  expect(at({ current: second, previousCa: first.ca }, 61 * DAY)).toBe(first.ca + second.ca);
  expect(at({ current: second, previousCa: first.ca }, 90 * DAY)).toBe(second.ca);
  expect(at({ current: first, previousCa: first.ca }, 0)).toBe(first.ca);
  expect(at({ current: first, previousCa: 'edited' }, 0)).toBe(first.ca);
});

describe('the shared Secret', () => {
  test('keeps a state whole', () => {
    const states: CertificateState[] = [
      NO_CERTIFICATE,
      { current: first, next: null, previousCa: null },
      { current: first, next: second, previousCa: second.ca },
    ];
    for (const state of states) expect(decodeState(encodeState(state))).toEqual(state);
  });

  test('has what other programs look for', () => {
    const data = encodeState({ current: first, next: second, previousCa: null });
    expect(Object.keys(data).sort()).toEqual(
      ['ca.crt', 'next-ca.crt', 'next-tls.crt', 'next-tls.key', 'tls.crt', 'tls.key'].sort(),
    );
    expect(Buffer.from(data['tls.crt']!, 'base64').toString()).toBe(first.cert);
  });

  test('that is incomplete or edited gives what is left', () => {
    const { 'tls.key': _, ...data } = encodeState({ current: first, next: second, previousCa: null });
    expect(decodeState(data)).toEqual({ current: null, next: second, previousCa: null });
    expect(decodeState({ 'tls.crt': '%%%', other: '' })).toEqual(NO_CERTIFICATE);
  });
});

/**
 * A year on a clock of its own: the API server learns of authorities late, one replica reads the Secret late. Whatever
 * either sees at a moment, the one must trust what the other serves.
 */
test('no certificate is served that is not trusted, at any moment of a year', async () => {
  const lagMs = 9_000;
  const history: { readonly atMs: number; readonly state: CertificateState; readonly trusted: string }[] = [];
  let state: CertificateState = NO_CERTIFICATE;
  let since: { readonly ca: string; readonly ms: number } = { ca: '', ms: 0 };
  let now = START;
  while (now < START + 365 * DAY) {
    if (state.next !== null && since.ca !== state.next.ca) since = { ca: state.next.ca, ms: now };
    const step = planRotation(state, state.next === null ? null : since.ms, now, RULES);
    if (step.kind === 'wait') {
      expect(step.untilMs).toBeGreaterThan(now);
      now = step.untilMs!;
      continue;
    }
    state = await rotate(state, step, () => issue(now, RULES.lifetimeMs));
    history.push({ atMs: now, state, trusted: trustedAuthorities(state, now) });
  }
  expect(history.length).toBeGreaterThan(10);
  const at = (ms: number) => history.findLast(({ atMs }) => atMs <= ms) ?? history[0]!;
  const moments = history.flatMap(({ atMs }) => [atMs, atMs + lagMs / 2, atMs + lagMs, atMs + 2 * lagMs]);
  for (const moment of moments) {
    for (const [serverLag, replicaLag] of [
      [0, 0],
      [lagMs, 0],
      [0, lagMs],
      [lagMs, lagMs],
    ] as const) {
      const cert = new X509Certificate(at(moment - replicaLag).state.current!.cert);
      const trusted = at(moment - serverLag)
        .trusted.split(/(?<=-----END CERTIFICATE-----\n)/)
        .filter(Boolean);
      expect(
        trusted.some(
          (ca) => cert.checkIssued(new X509Certificate(ca)) && cert.verify(new X509Certificate(ca).publicKey),
        ),
      ).toBe(true);
      expect(cert.validToDate.getTime()).toBeGreaterThan(moment);
    }
  }
});
