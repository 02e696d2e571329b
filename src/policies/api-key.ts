import { hash } from 'node:crypto';
import { type Static, Type } from 'typebox';
import { realm } from '../lib/header-schema.ts';
import { fields } from '../lib/schema.ts';
import { CacheSpace, SpacedCache } from '../lib/spaced-cache.ts';
import {
  ABSENT,
  defineAuthenticator,
  type Proof,
  quoted,
  refused,
  unauthorized,
} from '../pipeline/authenticator.ts';
import { consumerIdentity } from '../pipeline/consumers.ts';
import { credentialPlace, credentialPlaces } from '../pipeline/credential-places.ts';
import type { Exchange } from '../pipeline/exchange.ts';
import { ambiguity, leavingPlaces, type Place, stripAll } from '../pipeline/place.ts';

const schema = fields(
  {
    from: credentialPlaces('Where the key may stand. Two different keys in one request are refused.', [
      { header: 'X-API-Key' },
    ]),
    keep: Type.Boolean({ description: 'Send the key to the backend, too.', default: false }),
    realm: realm('Told to clients in `WWW-Authenticate`.', 'api'),
  },
  'Clients prove who they are by an API key of a Consumer of the same namespace.',
);

/** For keys that were seen before, of all rules of a thread, twenty thousand or so: one that comes again is not hashed again. */
const SPACE = new CacheSpace(16 * 1024 * 1024);
/** What an entry takes besides the key. */
const ENTRY_BYTES = 384;

interface Known {
  /** Of the directory when it was found. */
  readonly version: number;
  readonly proof: Proof;
}

export const apiKey = defineAuthenticator({
  name: 'apiKey',
  summary: 'Authenticates Consumers by an API key in a header, the query or a cookie; 401.',
  reasons: ['unknownKey', 'several'],
  schema,
  resolve(config: Static<typeof schema>, { namespace }) {
    return { ...config, namespace };
  },
  bind({ from, keep, realm, namespace }, env) {
    const places = from.map(credentialPlace);
    const hasTwo = ambiguity(places);
    const consumers = env.consumers(namespace);
    const challenge = `ApiKey realm=${quoted(realm)}`;
    const missing = unauthorized('Missing API key', challenge);
    const invalid = refused('Invalid API key', challenge, 'unknownKey');
    const several = refused('More than one API key', challenge, 'several');
    const known = new SpacedCache<Known>(SPACE);

    function find(key: string): Proof {
      const keyHash = hash('sha256', key, 'base64url');
      const consumer = consumers.byApiKey(keyHash);
      if (consumer === null) return key.includes(', ') ? several : invalid;
      const identity = consumerIdentity(consumer, { apiKey: keyHash, schemes: ['apiKey'] });
      const proof: Proof = { kind: 'passed', identity };
      known.set(key, { version: consumers.version, proof }, key.length * 2 + ENTRY_BYTES);
      return proof;
    }

    return {
      authenticate(x) {
        const key = readKey(places, x);
        if (key === null) return ABSENT;
        if (hasTwo?.(x) === true) return several;
        const before = known.get(key);
        return before?.version === consumers.version ? before.proof : find(key);
      },
      missing: () => missing,
      close: () => known.close(),
      ...(keep ? leavingPlaces(places) : { strip: ({ request }) => stripAll(places, request) }),
    };
  },
});

function readKey(places: readonly Place[], x: Exchange): string | null {
  for (const place of places) {
    const raw = place.read(x);
    const key = raw === null ? null : place.credentialIn(raw);
    if (key !== null) return key;
  }
  return null;
}
