import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SignedMessage } from './components.ts';
import {
  CREATED,
  DIGEST,
  type Lines,
  message,
  params,
  signed,
  TEST_REQUEST,
  testRequest,
  verify,
} from './testing.ts';
import type { Demands } from './verify.ts';

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
