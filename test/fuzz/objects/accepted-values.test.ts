// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what an operator might write
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { policyCatalogue } from '../../../src/policies/index.ts';
import { bindPoliciesWith, exchange } from '../../../src/policies/testing.ts';
import { EXAMPLES, HOSTILE, leaves, replaced, type Steps, type Tree } from './support.ts';

/**
 * What is taken when it is read, and can be bound, serves: no request finds out that a value can't be. Policies that ask others, or
 * wait, are left out.
 */
const ELSEWHERE = new Set(['externalAuthorization', 'introspection', 'oidc', 'jwt', 'fault']);

interface Entry {
  readonly name: string;
  readonly config: Tree;
}

const ENTRIES: readonly Entry[] = EXAMPLES.flatMap((example) => {
  const { spec } = example as unknown as {
    spec?: { rules?: { policies?: object[] }[]; policies?: object[] };
  };
  const lists = [spec?.policies, ...(spec?.rules ?? []).map(({ policies }) => policies)];
  return lists.flatMap((list) => (list ?? []).flatMap((entry) => Object.entries(entry)));
})
  .filter(
    ([name, config]) =>
      policyCatalogue.has(name) && !ELSEWHERE.has(name) && !JSON.stringify(config).includes('jsonata'),
  )
  .map(([name, config]) => ({ name, config: config as Tree }));
const CASES = ENTRIES.flatMap((entry) =>
  leaves(entry.config).map((steps): [Entry, Steps] => [entry, steps]),
).filter(([, steps]) => steps.length > 0);

const LINES = [
  'Origin: https://a.example',
  'Accept-Encoding: gzip',
  'X-API-Key: k',
  'Cookie: a=b',
  'Authorization: Basic YTpi',
];
const JSON_LINES = [...LINES, 'Content-Type: application/json'];
const REQUESTS = [
  { target: '/a/b?c=d', lines: LINES },
  { method: 'POST', lines: JSON_LINES, body: '{"a":[1,{"b":"c"}],"payload":{"x":1}}' },
  { method: 'OPTIONS', lines: ['Origin: https://a.example', 'Access-Control-Request-Method: PUT'] },
  { method: 'HEAD', lines: LINES },
];

const ANSWERS = [
  { lines: ['Content-Type: application/json', 'ETag: "a"'], body: '{"data":{"a":1}}' },
  { status: 503, lines: ['Content-Type: text/html'], body: 'down' },
  { status: 204 },
];

it('a value that is taken does not throw when a request comes', async () => {
  expect(ENTRIES.length).toBeGreaterThan(30);
  const secrets = new Proxy({}, { get: () => 'user:{SHA}0DPiKuNIrrVmD8IUCuw1hQxNqZc=' });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...CASES),
      fc.constantFrom(...HOSTILE),
      fc.constantFrom(...REQUESTS),
      fc.constantFrom(...ANSWERS),
      async ([{ name, config }, steps], value, request, answer) => {
        const changed = replaced(config, steps, value);
        let rule: ReturnType<typeof bindPoliciesWith>;
        try {
          rule = bindPoliciesWith({ secrets }, [policyCatalogue.get(name)!, changed]);
        } catch {
          return; // Told when it is read, or when it is bound: the rule is closed, with a finding.
        }
        try {
          const { status, lines } = await exchange(rule, request, answer);
          expect(status).not.toBe(500);
          expect(lines.join('\n')).not.toContain('undefined');
        } finally {
          for (const { policy } of rule.steps) policy.close?.();
        }
      },
    ),
    { numRuns: Number(process.env.FUZZ_RUNS ?? 400) },
  );
});
