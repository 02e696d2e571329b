import { dump, YAML11_SCHEMA } from 'js-yaml';
import { gatewayConfigSchema } from './config/schema.ts';
import { consumerSchema } from './consumer.ts';
import { customResourceDefinitions } from './crd/definitions.ts';
import { gatewayRouteSchema, type PolicyDescriptions } from './gateway-route/schema.ts';
import { rateLimitPolicySchema } from './rate-limit-policy.ts';
import { kindPage, policiesPage } from './reference/page.ts';

/** Everything that is made from the schemas: text by path in the repository. */
export function generatedFiles(policies: PolicyDescriptions): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const [name, crd] of customResourceDefinitions(policies)) files.set(`crds/${name}`, crdYaml(crd));
  const page = (name: string, text: string) => files.set(`docs/reference/${name}.md`, text);
  page('gatewayroute', kindPage('GatewayRoute', gatewayRouteSchema(policies), ['spec']));
  page('ratelimitpolicy', kindPage('RateLimitPolicy', rateLimitPolicySchema, ['spec']));
  page('consumer', kindPage('Consumer', consumerSchema(policies), ['spec']));
  page('gatewayconfig', kindPage('portreeve.yaml', gatewayConfigSchema(policies), null));
  page('policies', policiesPage(policies));
  return files;
}

/** kubectl reads YAML 1.1, where a bare `on` or `y` is a boolean: the 1.1 schema quotes them. */
function crdYaml(crd: object): string {
  const body = dump(crd, { schema: YAML11_SCHEMA, noRefs: true, lineWidth: 110 });
  return `# Generated from src/resources by \`node scripts/generate.ts\`; do not edit.\n${body}`;
}
