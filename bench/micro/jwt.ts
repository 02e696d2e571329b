/**
 * What a token costs a thread: `node bench/micro/jwt.ts [rounds]`. Nanoseconds for one that was seen before, microseconds for
 * one that was not, by algorithm; P-384 and P-521 are checked in the thread pool.
 * CPU time of the program is read, so other programs on the machine matter little. The median of the rounds is printed, and the fastest.
 */
import { createPublicKey, createSecretKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import { CacheSpace, SpacedCache } from '../../src/lib/spaced-cache.ts';
import { ALGORITHMS, type AlgorithmName } from '../../src/policies/jwt/algorithms.ts';
import { fixedSource } from '../../src/policies/jwt/key-source.ts';
import { pemKey, secretKey } from '../../src/policies/jwt/keys.ts';
import { TokenVerifier } from '../../src/policies/jwt/verifier.ts';

const ROUNDS = Number(process.argv[2] ?? 9);
const CLAIMS = { sub: 'user-12345', roles: ['reader', 'editor'], scope: 'read write', tenant: 'acme' };
const RULES = {
  issuers: ['https://login.example.com/'],
  audiences: ['https://api.example.com'],
  required: ['exp'],
  leeway: 0,
  maxAge: null,
  typ: null,
};

interface Signer {
  readonly privateKey: KeyObject;
  readonly verifier: TokenVerifier;
}

function signer(alg: AlgorithmName): Signer {
  if (alg.startsWith('HS')) {
    const privateKey = createSecretKey(Buffer.alloc(64, 7));
    return { privateKey, verifier: verifierOf(secretKey(privateKey.export(), [alg], undefined)) };
  }
  const { publicKey, privateKey } = keyPair(alg);
  const pem = createPublicKey(publicKey).export({ type: 'spki', format: 'pem' }) as string;
  return { privateKey, verifier: verifierOf(pemKey(pem, [alg], undefined)) };
}

function keyPair(alg: AlgorithmName) {
  if (alg.startsWith('Ed')) return pem(generateKeyPairSync('ed25519'));
  if (!alg.startsWith('ES')) return pem(generateKeyPairSync('rsa', { modulusLength: 2048 }));
  const namedCurve = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }[alg as 'ES256'];
  return pem(generateKeyPairSync('ec', { namedCurve }));
}
const pem = ({ publicKey, privateKey }: { publicKey: KeyObject; privateKey: KeyObject }) => ({
  publicKey: publicKey.export({ type: 'spki', format: 'pem' }),
  privateKey,
});

function verifierOf(key: ReturnType<typeof secretKey>): TokenVerifier {
  return new TokenVerifier({
    sources: [fixedSource({ id: null, issuer: null }, [key])],
    keyClaimName: null,
    rules: RULES,
    now: Date.now,
  });
}

async function tokenOf(alg: AlgorithmName, key: KeyObject): Promise<string> {
  return new SignJWT(CLAIMS)
    .setProtectedHeader({ alg, typ: 'JWT' })
    .setIssuer(RULES.issuers[0]!)
    .setAudience(RULES.audiences[0]!)
    .setExpirationTime('1h')
    .sign(key);
}

async function measure(
  name: string,
  iterations: number,
  unit: 'ns' | 'µs',
  run: (i: number) => unknown,
): Promise<void> {
  const perCall: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < iterations; i++) {
      const result = run(i);
      if (result instanceof Promise) await result;
    }
    const { user, system } = process.cpuUsage(before);
    perCall.push(((user + system) * (unit === 'ns' ? 1e3 : 1)) / iterations);
  }
  perCall.sort((a, b) => a - b);
  const [median, fastest] = [perCall[ROUNDS >> 1]!, perCall[0]!];
  console.log(
    `${name.padEnd(28)} ${median.toFixed(1).padStart(9)} ${unit}   fastest ${fastest.toFixed(1)} ${unit}`,
  );
}

await measureHits(1);
await measureHits(10_000);
for (const alg of ALGORITHMS) {
  const { privateKey, verifier } = signer(alg);
  const token = await tokenOf(alg, privateKey);
  if ((await verifier.verify(token)).kind !== 'valid') throw new Error(`${alg}: the token is not good`);
  await measure(`miss, ${alg}`, alg === 'ES384' || alg === 'ES512' ? 100 : 500, 'µs', () =>
    verifier.verify(token),
  );
}

/** Each time a new string, as it comes from the bytes of a request: its hash is not known yet. */
async function measureHits(tokens: number): Promise<void> {
  const { privateKey } = signer('RS256');
  const cache = new SpacedCache<{ untilMs: number }>(new CacheSpace(64 * 1024 * 1024));
  const signature = (await tokenOf('RS256', privateKey)).slice(-342);
  const heads = Array.from({ length: tokens }, (_, i) => {
    const raw = `Bearer eyJhbGciOiJSUzI1NiJ9.${String(i).padStart(300, 'x')}.${signature}`;
    cache.set(raw, { untilMs: Date.now() + 3_600_000 }, raw.length * 4);
    return Buffer.from(raw, 'latin1');
  });
  let good = 0;
  await measure(`string, ${tokens} tokens`, 200_000, 'ns', (i) => {
    good += heads[i % tokens]!.toString('latin1').length;
  });
  await measure(`string and hit, ${tokens} tokens`, 200_000, 'ns', (i) => {
    const entry = cache.get(heads[i % tokens]!.toString('latin1'));
    if (entry !== undefined && Date.now() < entry.untilMs) good++;
  });
  if (good === 0) throw new Error('nothing was found');
}
