import { sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { parseDictionary } from '../../lib/structured-fields/parse.ts';
import { signatureBase } from './components.ts';
import { DIGEST, ED25519_PRIVATE, KEYS, type Lines, message, testRequest, verify } from './testing.ts';

/** Appendix B.2 but for B.2.4, which is an answer, and section 4.3. */
const B2: readonly (readonly [name: string, input: string, signature: string])[] = [
  [
    'B.2.1',
    'sig-b21=();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd"',
    'sig-b21=:d2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopemLJcWDy/lkbbHAve4cRAtx31Iq786U7it++wgGxbtRxf8Udx7zFZsckzXaJMkA7ChG52eSkFxykJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/Z2cOGdCbzR72rgFWhzx2VjBqJzsPLMIQKhO4DGezXehhWwE56YCE+O6c0mKZsfxVrogUvA4HELjVKWmAvtl6UnCh8jYzuVG5WSb/QEVPnP5TmcAnLH1g+s++v6d4s8m0gCw1fV5/SITLq9mhho8K3+7EPYTU8IU1bLhdxO5Nyt8C8ssinQ98Xw9Q==:',
  ],
  [
    'B.2.2',
    'sig-b22=("@authority" "content-digest" "@query-param";name="Pet");created=1618884473;keyid="test-key-rsa-pss";tag="header-example"',
    'sig-b22=:LjbtqUbfmvjj5C5kr1Ugj4PmLYvx9wVjZvD9GsTT4F7GrcQEdJzgI9qHxICagShLRiLMlAJjtq6N4CDfKtjvuJyE5qH7KT8UCMkSowOB4+ECxCmT8rtAmj/0PIXxi0A0nxKyB09RNrCQibbUjsLS/2YyFYXEu4TRJQzRw1rLEuEfY17SARYhpTlaqwZVtR8NV7+4UKkjqpcAoFqWFQh62s7Cl+H2fjBSpqfZUJcsIk4N6wiKYd4je2U/lankenQ99PZfB4jY3I5rSV2DSBVkSFsURIjYErOs0tFTQosMTAoxk//0RoKUqiYY8Bh0aaUEb0rQl3/XaVe4bXTugEjHSw==:',
  ],
  [
    'B.2.3',
    'sig-b23=("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-rsa-pss"',
    'sig-b23=:bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qRpRRU5p2voTp768ZrCUb38K0fUxN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiLJH1pFkh/aYA2HXXZzNBXmIkoQoLd7YfW91kE9o/CCoC1xMy7JA1ipwvKvfrs65ldmlu9bpG6A9BmzhuzF8Eim5f8ui9eH8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJzSRxpJyoEZAFL2FUo5fTIztsDZKEgM4cUA==:',
  ],
  [
    'B.2.5',
    'sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
    'sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:',
  ],
  [
    'B.2.6',
    'sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"',
    'sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:',
  ],
];

describe('the test cases of RFC 9421, appendix B.2', () => {
  test.each(B2)('%s holds', (_, input, signature) => {
    expect(verify(testRequest(input, signature))).toMatchObject({ kind: 'verified' });
  });

  test.each(B2)('%s does not when its signature is another in one bit', (_, input, signature) => {
    const [label, base64] = signature.split('=:') as [string, string];
    const bytes = Buffer.from(base64, 'base64');
    bytes[bytes.length >> 1]! ^= 1;
    const spoiled = testRequest(input, `${label}=:${bytes.toString('base64')}:`);
    expect(verify(spoiled)).toMatchObject({ kind: 'invalid' });
  });

  test('B.2.4: the signature of an answer holds over the base that is printed there', () => {
    const base = [
      '"@status": 200',
      '"content-type": application/json',
      '"content-digest": sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:',
      '"content-length": 23',
      '"@signature-params": ("@status" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-ecc-p256"',
    ].join('\n');
    const signature =
      'wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw==';
    expect(KEYS.get('test-key-ecc-p256')!.verify(Buffer.from(base), Buffer.from(signature, 'base64'))).toBe(
      true,
    );
  });

  test('B.2.6: the same signature comes out', () => {
    const input = parseDictionary(B2[4]![1]).get('sig-b26')!;
    if (input.kind !== 'innerList') throw new Error('no list');
    const base = Buffer.from(signatureBase(input, testRequest('', '')));
    expect(`sig-b26=:${sign(null, base, ED25519_PRIVATE).toString('base64')}:`).toBe(B2[4]![2]);
  });

  test('B.2.2: the base is the one that is printed there', () => {
    const input = parseDictionary(B2[1]![1]).get('sig-b22')!;
    if (input.kind !== 'innerList') throw new Error('no list');
    expect(signatureBase(input, testRequest('', ''))).toBe(
      [
        '"@authority": example.com',
        `"content-digest": ${DIGEST}`,
        '"@query-param";name="Pet": dog',
        '"@signature-params": ("@authority" "content-digest" "@query-param";name="Pet");created=1618884473;keyid="test-key-rsa-pss";tag="header-example"',
      ].join('\n'),
    );
  });
});

test('B.3: what a proxy that ends TLS signed', () => {
  const certificate =
    ':MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVybWVkaWF0ZSBDQTAeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8YnXXfaUgmnMtOXU/IncWalRhebrXmckC8vdgJ1p5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDVR0TBAIwADAfBgNVHSMEGDAWgBRm3WjLa38lbEYCuiCPct0ZaSED2DAOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0RAQH/BBMwEYEPYmRjQGV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMjeSkC3dFCOOB8TAiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk=:';
  const outcome = verify(
    message('POST', 'https://service.internal.example/foo?param=Value&Pet=dog', [
      ['client-cert', certificate],
      [
        'signature-input',
        'ttrp=("@path" "@query" "@method" "@authority" "client-cert");created=1618884473;keyid="test-key-ecc-p256"',
      ],
      [
        'signature',
        'ttrp=:xVMHVpawaAC/0SbHrKRs9i8I3eOs5RtTMGCWXm/9nvZzoHsIg6Mce9315T6xoklyy0yzhD9ah4JHRwMLOgmizw==:',
      ],
    ]),
  );
  expect(outcome).toMatchObject({ kind: 'verified', owner: 'test-key-ecc-p256' });
});

describe('B.4: what changes on the way', () => {
  const SIGNED: Lines = [
    [
      'signature-input',
      'transform=("@method" "@path" "@authority" "accept");created=1618884473;keyid="test-key-ed25519"',
    ],
    [
      'signature',
      'transform=:ZT1kooQsEHpZ0I1IjCqtQppOmIqlJPeo7DHR3SoMn0s5JZ1eRGS0A+vyYP9t/LXlh5QMFFQ6cpLt2m0pmj3NDA==:',
    ],
  ];
  const url = 'https://example.org/demo?name1=Value1&Name2=value2';
  const accept: Lines = [
    ['accept', 'application/json'],
    ['accept', '*/*'],
  ];
  const swapped: Lines = [accept[1]!, accept[0]!];

  test.each<[string, string, string, Lines, string]>([
    ['nothing', 'GET', url, accept, 'verified'],
    ['more headers and parameters', 'GET', `${url}&param=added`, [...accept, ['x', 'y']], 'verified'],
    ['lines joined', 'GET', url, [['accept', 'application/json, */*']], 'verified'],
    ['method and authority', 'POST', url.replace('.org', '.com'), accept, 'invalid'],
    ['values swapped', 'GET', url, swapped, 'invalid'],
  ])('%s', (_, method, to, lines, kind) => {
    expect(verify(message(method, to, [...lines, ...SIGNED])).kind).toBe(kind);
  });
});

describe('section 4.3: a proxy signs beside the client', () => {
  const lines: Lines = [
    ['content-type', 'application/json'],
    ['content-length', '18'],
    ['forwarded', 'for=192.0.2.123;host=example.com;proto=https'],
    ['content-digest', DIGEST],
    [
      'signature-input',
      'sig1=("@method" "@authority" "@path" "content-digest" "content-type" "content-length");created=1618884475;keyid="test-key-ecc-p256", proxy_sig=("@method" "@authority" "@path" "content-digest" "content-type" "content-length" "forwarded");created=1618884480;keyid="test-key-rsa";alg="rsa-v1_5-sha256";expires=1618884540',
    ],
    [
      'signature',
      'sig1=:X5spyd6CFnAG5QnDyHfqoSNICd+BUP4LYMz2Q0JXlb//4Ijpzp+kve2w4NIyqeAuM7jTDX+sNalzA8ESSaHD3A==:, proxy_sig=:S6ZzPXSdAMOPjN/6KXfXWNO/f7V6cHm7BXYUh3YD/fRad4BCaRZxP+JH+8XY1I6+8Cy+CM5g92iHgxtRPz+MjniOaYmdkDcnL9cCpXJleXsOckpURl49GwiyUpZ10KHgOEe11sx3G2gxI8S0jnxQB+Pu68U9vVcasqOWAEObtNKKZd8tSFu7LB5YAv0RAGhB8tmpv7sFnIm9y+7X5kXQfi8NMaZaA8i2ZHwpBdg7a6CMfwnnrtflzvZdXAsD3LH2TwevU+/PBPv0B6NMNk93wUs/vfJvye+YuI87HU38lZHowtznbLVdp770I6VHR6WfgS9ddzirrswsE1w5o0LV/g==:',
    ],
  ];
  const request = (host: string) => message('POST', `https://${host}/foo?param=Value&Pet=dog`, lines);

  test("the client's holds over what the client sent", () => {
    expect(verify(request('example.com'))).toMatchObject({ kind: 'verified', owner: 'test-key-ecc-p256' });
  });

  test("behind the proxy the proxy's does, and the client's no longer", () => {
    expect(verify(request('origin.host.internal.example'))).toMatchObject({
      kind: 'verified',
      owner: 'test-key-rsa',
    });
  });

  test('not when it has expired', () => {
    const late = verify(request('origin.host.internal.example'), { leewaySeconds: 0 }, 1_618_884_540);
    expect(late).toMatchObject({ kind: 'invalid' });
  });
});
