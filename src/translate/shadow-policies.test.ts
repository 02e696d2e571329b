import { expect, test } from 'vitest';
import type { PolicyRef } from '../ir/route.ts';
import { mergePolicies } from './policies.ts';

const origin = { object: { kind: 'K', namespace: '', name: 'n' }, fieldPath: '', location: null };
const acts = (name: string, config: string): PolicyRef => ({ name, config, origin });
const tells = (name: string, config: string): PolicyRef => ({ name, config, origin, shadow: true });
const merged = (outer: PolicyRef[], inner: PolicyRef[]) =>
  mergePolicies(outer, inner).map(
    ({ name, config, shadow }) => `${shadow ? 'tells' : 'acts'} ${name} ${config}`,
  );

test('a shadow leaves in service what acts', () => {
  expect(merged([acts('cors', 'outer')], [tells('cors', 'inner')])).toEqual([
    'acts cors outer',
    'tells cors inner',
  ]);
});

test('a shadow takes the place of outer shadows of its kind', () => {
  expect(merged([tells('cors', 'outer'), tells('csrf', 'outer')], [tells('cors', 'inner')])).toEqual([
    'tells csrf outer',
    'tells cors inner',
  ]);
});

test('what acts takes the place of both', () => {
  const outer = [acts('cors', 'outer'), tells('cors', 'outer')];
  expect(merged(outer, [acts('cors', 'inner')])).toEqual(['acts cors inner']);
});
