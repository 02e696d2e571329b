import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { memberText } from '../../lib/structured-fields/model.ts';
import { parseDictionary } from '../../lib/structured-fields/parse.ts';
import { type SignedMessage, signatureBase } from './components.ts';
import { type Algorithm, createVerifier } from './key.ts';
import {
  DIGEST,
  ED25519_PRIVATE,
  ED25519_PUBLIC,
  type Lines,
  message,
  P256_PUBLIC,
  RSA_PSS_PUBLIC,
  RSA_PUBLIC,
  SHARED_SECRET,
  TEST_REQUEST,
  testRequest,
} from './testing.ts';
import { type Demands, type SignatureKey, verifySignature } from './verify.ts';

const CREATED = 1_618_884_473;

const ANY: Demands = { required: [], tag: null, nonce: 'optional', maxAgeSeconds: 300, leewaySeconds: 30 };

const KEYS = new Map<string, SignatureKey<string>>([
  key('test-key-rsa-pss', 'rsa-pss-sha512', RSA_PSS_PUBLIC),
  key('test-key-rsa', 'rsa-v1_5-sha256', RSA_PUBLIC),
  key('test-key-ecc-p256', 'ecdsa-p256-sha256', P256_PUBLIC),
  key('test-key-ed25519', 'ed25519', ED25519_PUBLIC),
  key('test-shared-secret', 'hmac-sha256', SHARED_SECRET),
]);

function key(id: string, algorithm: Algorithm, material: string | Buffer): [string, SignatureKey<string>] {
  const verify = createVerifier(algorithm, Buffer.from(material as string));
  return [id, { algorithm, verify, owner: id }];
}

function verify(signed: SignedMessage, demands: Partial<Demands> = {}, nowSeconds = CREATED) {
  return verifySignature(signed, { ...ANY, ...demands }, (id) => KEYS.get(id), nowSeconds);
}

/** Signs with the secret of appendix B.1.5. */
function signed(input: string, lines: Lines = [], url = 'https://shop.test/a?b=c', method = 'GET') {
  const unsigned = message(method, url, lines);
  const member = parseDictionary(`s=${input}`).get('s')!;
  if (member.kind !== 'innerList') throw new Error('no list');
  const mac = createHmac('sha256', SHARED_SECRET).update(signatureBase(member, unsigned), 'latin1');
  return message(method, url, [
    ...lines,
    ['signature-input', `s=${memberText(member)}`],
    ['signature', `s=:${mac.digest('base64')}:`],
  ]);
}

const params = (more = '') => `;created=${CREATED};keyid="test-shared-secret"${more}`;

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

describe('times', () => {
  const at = (nowSeconds: number, more = '', demands: Partial<Demands> = {}) =>
    verify(signed(`("@method")${params(more)}`), demands, nowSeconds).kind;

  test('a signature counts for its age and the leeway, not a second longer', () => {
    expect(at(CREATED + 329)).toBe('verified');
    expect(at(CREATED + 330)).toBe('expired');
    expect(at(CREATED - 30)).toBe('verified');
    expect(at(CREATED - 31)).toBe('invalid');
  });

  test('expires only shortens that', () => {
    expect(at(CREATED + 39, `;expires=${CREATED + 10}`)).toBe('verified');
    expect(at(CREATED + 40, `;expires=${CREATED + 10}`)).toBe('expired');
    expect(at(CREATED + 330, `;expires=${CREATED + 9999}`)).toBe('expired');
    expect(at(CREATED, `;expires=${CREATED}`)).toBe('invalid');
  });
});

describe('what is refused', () => {
  const refusal = (request: SignedMessage, demands: Partial<Demands> = {}) => {
    const outcome = verify(request, demands);
    return outcome.kind === 'verified' ? 'verified' : outcome.detail;
  };

  test('no signature at all', () => {
    expect(refusal(message('GET', 'https://shop.test/', []))).toBe('Missing request signature.');
  });

  test.each<[string, string, Partial<Demands>, string]>([
    ['no keyid', `("@method");created=${CREATED}`, {}, 'no keyid'],
    ['no created', '("@method");keyid="test-shared-secret"', {}, 'no created'],
    ['created as text', `("@method");created="${CREATED}";keyid="test-shared-secret"`, {}, 'whole number'],
    ['created as decimal', `("@method");created=${CREATED}.0;keyid="test-shared-secret"`, {}, 'whole number'],
    ['keyid as token', `("@method");created=${CREATED};keyid=test-shared-secret`, {}, 'must be a string'],
    ['unknown key', `("@method");created=${CREATED};keyid="other"`, {}, 'not known'],
    ['other algorithm', `("@method")${params(';alg="ed25519"')}`, {}, 'not for this algorithm'],
    ['component twice', `("@method" "@path")${params()}`, { required: ['@authority'] }, 'cover @authority'],
    ['required with req', `("@path")${params()}`, { required: ['@method'] }, 'does not cover @method'],
    ['no nonce', `("@method")${params()}`, { nonce: 'required' }, 'has no nonce'],
    ['other tag', `("@method")${params(';tag="a"')}`, { tag: 'b' }, 'Missing request signature'],
  ])('%s', (_, input, demands, detail) => {
    expect(refusal(signed(input), demands)).toContain(detail);
  });

  test.each([
    ['("@method" "@method")', 'covered twice'],
    ['("@method";req)', 'no parameters in a request'],
    ['("@status")', 'no component of a request'],
    ['("@signature-params")', 'no component of a request'],
    ['("Accept")', 'lower case'],
    ['("missing")', 'no header missing'],
    ['("accept";tr)', 'do not fit'],
    ['("accept";sf=?0)', 'do not fit'],
    ['("accept";bs;sf)', 'do not fit'],
    ['("accept";sf)', 'not known'],
    ['("priority";key="x")', 'no member x'],
    ['("@query-param";name="none")', 'no query parameter'],
    ['("@query-param";name="d")', 'comes twice'],
    ['("@query-param")', 'needs ;name'],
    ['(@method)', 'cannot be read'],
    ['("wide")', 'ASCII'],
  ])('component %s', (covered, detail) => {
    const request = message('GET', 'https://shop.test/?d=1&d=2', [
      ['accept', '*/*'],
      ['priority', 'u=1'],
      ['wide', 'caf\u00e9'],
      ['signature-input', `s=${covered}${params()}`],
      ['signature', 's=:AAAA:'],
    ]);
    expect(refusal(request)).toContain(detail.replace('cannot', "can't"));
  });

  test.each<[string, Lines]>([
    ['only Signature', [['signature', 's=:AAAA:']]],
    ['only Signature-Input', [['signature-input', `s=()${params()}`]]],
    [
      'a signature that is text',
      [
        ['signature-input', `s=()${params()}`],
        ['signature', 's="AAAA"'],
      ],
    ],
    [
      'an input that is no list',
      [
        ['signature-input', `s=1${params()}`],
        ['signature', 's=:AAAA:'],
      ],
    ],
    [
      'a label of another',
      [
        ['signature-input', `s=()${params()}`],
        ['signature', 't=:AAAA:'],
      ],
    ],
    [
      'an empty MAC',
      [
        ['signature-input', `s=()${params()}`],
        ['signature', 's=::'],
      ],
    ],
    [
      'many',
      [
        ['signature-input', [1, 2, 3, 4, 5].map((i) => `s${i}=()${params()}`).join()],
        ['signature', 's1=::'],
      ],
    ],
  ])('%s', (_, lines) => {
    expect(verify(message('GET', 'https://shop.test/', lines)).kind).not.toBe('verified');
  });

  test('a required component counts only as a whole', () => {
    const lines: Lines = [['content-digest', DIGEST]];
    const part = signed(`("content-digest";key="sha-512")${params()}`, lines);
    expect(refusal(part, { required: ['content-digest'] })).toContain('does not cover content-digest');
    const whole = signed(`("content-digest";sf)${params()}`, lines);
    expect(verify(whole, { required: ['content-digest'] })).toMatchObject({ coversDigest: true });
  });

  test('@target-uri stands for its parts', () => {
    const required = ['@authority', '@path', '@query', '@scheme'];
    expect(refusal(signed(`("@target-uri")${params()}`), { required })).toBe('verified');
    expect(refusal(signed(`("@request-target")${params()}`), { required })).toContain('@authority');
  });

  test('of two signatures one that holds is enough', () => {
    const request = signed(`("@method")${params()}`);
    const [input] = request.headerLines('signature-input');
    const [signature] = request.headerLines('signature');
    const both = message('GET', 'https://shop.test/a?b=c', [
      ['signature-input', `x=("@method");created=${CREATED};keyid="other"`],
      ['signature-input', input!],
      ['signature', `x=:AAAA:, ${signature}`],
    ]);
    expect(verify(both)).toMatchObject({ kind: 'verified' });
  });
});

describe('component values', () => {
  const value = (identifier: string, request: SignedMessage) => {
    const input = parseDictionary(`s=(${identifier})`).get('s')!;
    if (input.kind !== 'innerList') throw new Error('no list');
    return signatureBase(input, request)
      .split('\n')[0]!
      .slice(memberText(input.items[0]!).length + 2);
  };
  const request = message(
    'POST',
    'https://www.example.com/path%7e//x?param=value&foo=bar&qux=&var=this%20is%20a%20big%0Aline&plus=with+space&fa%C3%A7ade%22%3A%20=some~thing',
    [
      ['x-dict', ' a=1,    b=2;x=1;y=2, c=(a   b   c), d'],
      ['x-two', 'one'],
      ['x-two', 'two, three'],
      ['x-empty', ''],
      ['content-digest', 'sha-256=:AAAA:  ,  sha-512=:BBBB:'],
    ],
  );

  test.each([
    ['"@method"', 'POST'],
    ['"@scheme"', 'https'],
    ['"@authority"', 'www.example.com'],
    ['"@path"', '/path%7e//x'],
    ['"@query-param";name="qux"', ''],
    ['"@query-param";name="var"', 'this%20is%20a%20big%0Aline'],
    ['"@query-param";name="plus"', 'with%20space'],
    ['"@query-param";name="fa%C3%A7ade%22%3A%20"', 'some%7Ething'],
    ['"x-two"', 'one, two, three'],
    ['"x-two";bs', ':b25l:, :dHdvLCB0aHJlZQ==:'],
    ['"x-empty"', ''],
    ['"x-dict";key="b"', '2;x=1;y=2'],
    ['"x-dict";key="c"', '(a b c)'],
    ['"x-dict";key="d"', '?1'],
    ['"content-digest";sf', 'sha-256=:AAAA:, sha-512=:BBBB:'],
  ])('%s', (identifier, expected) => {
    expect(value(identifier, request)).toBe(expected);
  });

  test('an absent query is a question mark', () => {
    expect(value('"@query"', message('GET', 'https://shop.test/', []))).toBe('?');
    expect(value('"@request-target"', message('GET', 'https://shop.test/a?', []))).toBe('/a?');
    expect(value('"@target-uri"', message('GET', 'https://shop.test/a?b', []))).toBe('https://shop.test/a?b');
  });
});

test.each([
  ['hmac-sha256', 'too short', 'it needs 16 or more'],
  ['ed25519', 'nonsense', 'no public key'],
  ['ed25519', ED25519_PRIVATE, 'private key'],
  ['ed25519', P256_PUBLIC, 'type ec'],
  ['ecdsa-p384-sha384', P256_PUBLIC, 'curve is prime256v1'],
  ['rsa-v1_5-sha256', ED25519_PUBLIC, 'type ed25519'],
  ['hmac-sha256', '', 'it needs 16 or more'],
] as const)('a key for %s: %s', (algorithm, material, message_) => {
  expect(() => createVerifier(algorithm, Buffer.from(material))).toThrow(message_);
});

test('a small RSA key', () => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
  expect(() => createVerifier('rsa-pss-sha512', Buffer.from(pem))).toThrow('1024 bits');
});

test('a public key is no shared secret for another algorithm', () => {
  const forged = createHmac('sha256', ED25519_PUBLIC).update('base').digest();
  expect(KEYS.get('test-key-ed25519')!.verify(Buffer.from('base'), forged)).toBe(false);
});

test.each(['ecdsa-p256-sha256', 'ecdsa-p384-sha384'] as const)('%s with r = s = 0, or DER', (algorithm) => {
  const namedCurve = algorithm === 'ecdsa-p256-sha256' ? 'P-256' : 'P-384';
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve });
  const verifier = createVerifier(
    algorithm,
    Buffer.from(JSON.stringify(publicKey.export({ format: 'jwk' }))),
  );
  const base = Buffer.from('base');
  const hash = algorithm.slice(-6);
  const bytes = namedCurve === 'P-256' ? 64 : 96;
  expect(verifier(base, sign(hash, base, { key: privateKey, dsaEncoding: 'ieee-p1363' }))).toBe(true);
  expect(verifier(base, sign(hash, base, privateKey))).toBe(false);
  expect(verifier(base, Buffer.alloc(bytes))).toBe(false);
  expect(verifier(base, Buffer.alloc(0))).toBe(false);
});

/** Whatever is changed in what is covered, the signature no longer holds; what is not covered may change. */
test('any change of what is covered is seen', () => {
  const visible = fc.stringMatching(/^[!-~]([ -~]{0,10}[!-~])?$/);
  const headers = fc.uniqueArray(fc.tuple(fc.stringMatching(/^[a-z][a-z0-9-]{0,5}$/), visible), {
    selector: ([name]) => name,
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(headers, headers, fc.nat(), fc.nat(), visible, (covered, others, at, place, text) => {
      const names = covered.map(([name]) => `"${name}"`).join(' ');
      const free = others.filter(([name]) => !covered.some(([other]) => other === name));
      const good = signed(`("@method" "@path" ${names})${params()}`, [...covered, ...free]);
      expect(verify(good).kind).toBe('verified');
      const extra: Lines = ['signature-input', 'signature'].map((name) => [name, good.headerLines(name)[0]!]);
      const other = message('GET', 'https://other.test/a?c=d', [...covered, ...extra]);
      expect(verify(other).kind).toBe('verified');
      const [name, value] = covered[at % covered.length]!;
      const cut = place % (value.length + 1);
      const changed = value.slice(0, cut) + text + value.slice(cut);
      const spoiled = covered.map((line): [string, string] =>
        line[0] === name ? [name, changed] : [...line],
      );
      expect(verify(message('GET', 'https://shop.test/a', [...spoiled, ...extra])).kind).toBe('invalid');
      expect(verify(message('PUT', 'https://shop.test/a', [...covered, ...extra])).kind).toBe('invalid');
      const twice: Lines = [...covered, [name, text], ...extra];
      expect(verify(message('GET', 'https://shop.test/a', twice)).kind).toBe('invalid');
    }),
    { numRuns: 300 },
  );
});

test('whatever is sent, it ends in an outcome', () => {
  const noise = fc.stringMatching(/^[ -~]{0,40}$/);
  fc.assert(
    fc.property(noise, noise, (input, signature) => {
      const request = testRequest(`s=(${input})${params()}`, `s=${signature}`, TEST_REQUEST);
      expect(['invalid', 'expired', 'missing']).toContain(verify(request).kind);
    }),
    { numRuns: 500 },
  );
});
