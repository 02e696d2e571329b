import { Type } from 'typebox';
import { matcher } from '../lib/cidr.ts';
import { cidr, fields, list } from '../lib/schema.ts';
import { definePolicy } from '../pipeline/policy.ts';
import { problem } from '../pipeline/reply.ts';

const blocks = (description: string) =>
  Type.Optional(
    list(cidr('A CIDR block or an address: `10.0.0.0/8`.'), description, { minItems: 1, maxItems: 1024 }),
  );

const schema = fields(
  {
    allow: blocks('Only clients in one of these blocks may come in; none: every client.'),
    deny: blocks('Clients in one of these blocks may not, even where `allow` has them.'),
  },
  'Admits clients by their address: the one that trusted proxies report, else the peer.',
  { minProperties: 1 },
);

const REFUSAL = problem(403, 'This client may not use this resource.');

export const ipAccess = definePolicy({
  name: 'ipAccess',
  phase: 'edge',
  summary: 'Admits or refuses clients by address; 403.',
  schema,
  bind({ allow, deny }) {
    const isAllowed = allow === undefined ? null : matcher(allow);
    const isDenied = deny === undefined ? null : matcher(deny);
    return {
      onRequest({ client }) {
        const { address } = client;
        return isDenied?.(address) === true || isAllowed?.(address) === false ? REFUSAL : undefined;
      },
    };
  },
});
