import { type Static, Type } from 'typebox';
import { parseDuration } from '../../lib/duration.ts';
import {
  duration,
  exactlyOneOf,
  fields,
  label,
  list,
  marker,
  objectName,
  refined,
  text,
} from '../../lib/schema.ts';

const hostPort = (description: string) =>
  Type.String({
    description,
    pattern: '^([A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+\\]):[0-9]{1,5}$',
    'x-hint': 'write host:port or [IPv6]:port',
    minLength: 3,
    maxLength: 260,
  });
const hostPorts = (description: string) =>
  list(hostPort('`host:port`.'), description, { minItems: 1, maxItems: 32 });

/** One Redis connection of `portreeve.yaml`. */
export const redisSchema = refined(
  exactlyOneOf(
    ['address', 'sentinel', 'cluster'],
    {
      name: objectName('Rate limits refer to it by this name.'),
      address: Type.Optional(hostPort('A single server: `host:port`.')),
      sentinel: Type.Optional(
        fields(
          { master: label('Name of the master.'), addresses: hostPorts('The Sentinels.') },
          'A master that Sentinels watch.',
        ),
      ),
      cluster: Type.Optional(hostPorts('Some nodes of a Redis Cluster; the others are learnt from them.')),
      username: Type.Optional(text('Name of the user (ACL).', { minLength: 1, maxLength: 256 })),
      passwordFrom: Type.Optional(
        exactlyOneOf(
          ['env', 'file'],
          {
            env: Type.Optional(
              text('Name of an environment variable.', {
                pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
                maxLength: 256,
              }),
            ),
            file: Type.Optional(
              text('A file, such as a mounted Secret; white space at its end is left out.'),
            ),
          },
          'Where the password stands: exactly one of env, file.',
        ),
      ),
      tls: Type.Optional(marker('Connect by TLS; the certificate must be good for the host.')),
      database: Type.Integer({
        description: 'Number of the database.',
        default: 0,
        minimum: 0,
        maximum: 65_535,
      }),
      timeout: duration('What one request may wait for it.', '50ms'),
    },
    'A Redis connection: exactly one of address, sentinel, cluster.',
  ),
  ({ cluster, database, timeout }) => {
    if (parseDuration(timeout) === 0) return 'the timeout must be more than 0';
    return cluster !== undefined && database !== 0 ? 'a Redis Cluster has only database 0' : null;
  },
);

type RedisConfig = Static<typeof redisSchema>;
type Place =
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string };

/** Has the shape of `RedisIr`. */
export function resolveRedis({
  name,
  username,
  passwordFrom,
  tls,
  database,
  timeout,
  ...where
}: RedisConfig) {
  return {
    name,
    topology: resolveTopology(where),
    username: username ?? null,
    password: resolvePlace(passwordFrom),
    tls: tls !== undefined,
    database,
    timeoutMs: parseDuration(timeout),
  };
}

function resolvePlace(from: RedisConfig['passwordFrom']): Place | null {
  if (from?.env !== undefined) return { kind: 'env', name: from.env };
  return from?.file === undefined ? null : { kind: 'file', path: from.file };
}

function resolveTopology({
  address,
  sentinel,
  cluster,
}: Pick<RedisConfig, 'address' | 'sentinel' | 'cluster'>) {
  if (address !== undefined) return { kind: 'single' as const, address: splitAddress(address) };
  if (cluster !== undefined) return { kind: 'cluster' as const, addresses: cluster.map(splitAddress) };
  const { master, addresses } = sentinel!;
  return { kind: 'sentinel' as const, master, addresses: addresses.map(splitAddress) };
}

function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) };
}
