import { describe, expect, test } from 'vitest';
import { k3sFailure } from './k3s.ts';
import { insideVariable, type Machine, providerOf } from './requirements.ts';

const able: Machine = { problems: [], engine: true };
const unable: Machine = { problems: ['the kernel lacks overlay'], engine: false };
const engineOnly: Machine = { ...unable, engine: true };

describe('where a cluster comes from', () => {
  test.each<[what: string, env: NodeJS.ProcessEnv, machine: Machine, provider: string]>([
    ['a machine that can', {}, able, 'local'],
    ['one that only has a Docker engine', {}, engineOnly, 'k3s'],
    ['one that has neither: the error comes at the start', {}, unable, 'local'],
    ['CI, where what is missing is a failure', { CI: 'true' }, engineOnly, 'local'],
    ['the wish for k3s', { TEST_CLUSTER: 'k3s' }, able, 'k3s'],
    ['the wish for k3s in CI', { TEST_CLUSTER: 'k3s', CI: 'true' }, able, 'k3s'],
    ['the wish for the local one', { TEST_CLUSTER: 'local' }, engineOnly, 'local'],
    [
      'a kubeconfig, before all else',
      { TEST_KUBECONFIG: '/k', TEST_CLUSTER: 'k3s', [insideVariable]: '/d' },
      able,
      'kubeconfig',
    ],
    ['a cluster around the process', { TEST_CLUSTER: 'k3s', [insideVariable]: '/d' }, able, 'inside'],
    ['empty variables', { TEST_KUBECONFIG: '', TEST_CLUSTER: '', [insideVariable]: '' }, engineOnly, 'k3s'],
  ])('%s', (_, env, machine, provider) => {
    expect(providerOf(env, () => machine)).toBe(provider);
  });

  test('the machine is only looked at where the environment does not say', () => {
    const look = (): Machine => {
      throw new Error('looked');
    };
    for (const env of [
      { TEST_KUBECONFIG: '/k' },
      { TEST_CLUSTER: 'k3s' },
      { TEST_CLUSTER: 'local' },
      { CI: '1' },
    ])
      expect(() => providerOf(env, look)).not.toThrow();
    expect(() => providerOf({}, look)).toThrow('looked');
  });

  test('a wish that nobody knows is an error', () => {
    expect(() => providerOf({ TEST_CLUSTER: 'k3' }, () => able)).toThrow(
      'TEST_CLUSTER is "k3"; it can be k3s or local',
    );
  });

  test('a failure of k3s says what to do', () => {
    const text = k3sFailure('rancher/k3s:v9', '(HTTP code 404) manifest unknown');
    for (const part of [
      'rancher/k3s:v9',
      'manifest unknown',
      'TEST_K3S_IMAGE',
      'TEST_CLUSTER=local',
      'TEST_KUBECONFIG',
    ])
      expect(text).toContain(part);
  });
});
