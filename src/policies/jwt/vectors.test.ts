import { createPublicKey } from 'node:crypto';
import { describe, expect, it, test } from 'vitest';
import { type AlgorithmName, algorithmOf } from './algorithms.ts';
import { parseCompact } from './compact.ts';
import { secretKey } from './keys.ts';
import { verifierOf } from './testing.ts';

/** The examples of the RFCs. */

const JOE = 'eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ';
const JOE_CLAIMS = { iss: 'joe', exp: 1300819380, 'http://example.com/is_root': true };
const HMAC_KEY = Buffer.from(
  'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow',
  'base64url',
);
const RSA = {
  kty: 'RSA',
  n: 'ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ',
  e: 'AQAB',
};
const P256 = {
  kty: 'EC',
  crv: 'P-256',
  x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
};
const P521 = {
  kty: 'EC',
  crv: 'P-521',
  x: 'AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk',
  y: 'ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2',
};
const ED25519 = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' };

const HMAC_TOKEN = `eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.${JOE}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk`;
const RSA_TOKEN = `eyJhbGciOiJSUzI1NiJ9.${JOE}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw`;
const ES256_TOKEN = `eyJhbGciOiJFUzI1NiJ9.${JOE}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q`;
const ES512_TOKEN =
  'eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn';
const ED25519_TOKEN =
  'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg';
const UNSECURED = `eyJhbGciOiJub25lIn0.${JOE}.`;

const NEVER = { now: () => 0 };

async function checks(alg: AlgorithmName, jwk: object | Buffer, token: string): Promise<boolean> {
  const key = Buffer.isBuffer(jwk)
    ? secretKey(jwk, [alg], undefined).key
    : createPublicKey({ key: jwk as never, format: 'jwk' });
  const dot = token.lastIndexOf('.');
  const signature = Buffer.from(token.slice(dot + 1), 'base64url');
  return algorithmOf(alg)!.check(key, Buffer.from(token.slice(0, dot)), signature);
}

describe('RFC 7515 appendix A, RFC 8037 appendix A: the signature', () => {
  it.each<[string, AlgorithmName, object | Buffer, string]>([
    ['A.1', 'HS256', HMAC_KEY, HMAC_TOKEN],
    ['A.2', 'RS256', RSA, RSA_TOKEN],
    ['A.3', 'ES256', P256, ES256_TOKEN],
    ['A.4', 'ES512', P521, ES512_TOKEN],
    ['RFC 8037 A.4', 'EdDSA', ED25519, ED25519_TOKEN],
  ])('%s is good, and no longer when one bit differs', async (_, alg, key, token) => {
    expect(await checks(alg, key, token)).toBe(true);
    const bytes = Buffer.from(token.slice(token.lastIndexOf('.') + 1), 'base64url');
    bytes[5]! ^= 1;
    const other = `${token.slice(0, token.lastIndexOf('.'))}.${bytes.toString('base64url')}`;
    expect(await checks(alg, key, other)).toBe(false);
    expect(await checks(alg, key, `A${token}`)).toBe(false);
  });
});

describe('RFC 7519', () => {
  const verifier = verifierOf([secretKey(HMAC_KEY, ['HS256'], undefined)], {}, NEVER);

  it('section 3.1: the token of joe, until it expires', () => {
    expect(verifier.verify(HMAC_TOKEN)).toMatchObject({ kind: 'valid', claims: JOE_CLAIMS });
    const at = (seconds: number) =>
      verifierOf([secretKey(HMAC_KEY, ['HS256'], undefined)], {}, { now: () => seconds * 1000 });
    expect(at(1300819379).verify(HMAC_TOKEN)).toMatchObject({ kind: 'valid' });
    expect(at(1300819380).verify(HMAC_TOKEN)).toEqual({ kind: 'expired' });
  });

  it('section 6.1: one that is unsecured is never taken', () => {
    expect(verifier.verify(UNSECURED)).toMatchObject({ kind: 'invalid' });
    expect(verifier.verify(`${UNSECURED}AA`)).toMatchObject({ kind: 'invalid' });
  });
});

test('RFC 7797 section 4.1 and 4.2: the same payload encoded and not; a JWT may not be the latter', async () => {
  const encoded = 'eyJhbGciOiJIUzI1NiJ9.JC4wMg.5mvfOroL-g7HyqJoozehmsaqmvTYGEq5jTI1gVvoEoQ';
  expect(await checks('HS256', HMAC_KEY, encoded)).toBe(true);
  const protectedHeader = 'eyJhbGciOiJIUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19';
  const detached = `${protectedHeader}.$.02.A5dxf2s96_n5FLueVuW1Z_vh161FwXZC4YLPff6dmDY`;
  expect(await checks('HS256', HMAC_KEY, detached)).toBe(true);
  expect(parseCompact(detached)).toBeNull();
  expect(parseCompact(`${protectedHeader}.${JOE}.A5dxf2s96_n5FLueVuW1Z_vh161FwXZC4YLPff6dmDY`)).toBeNull();
});
