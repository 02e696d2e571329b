import { describe, expect, it, test } from 'vitest';
import { bindPoliciesWith, exchange, type TestAnswer, type TestRequest } from '../testing.ts';
import { validate } from './index.ts';

const JSON_TYPE = 'content-type: application/json';

function gate(config: object, documents: Record<string, object> = {}) {
  const rule = bindPoliciesWith({ documents }, [validate, config]);
  return (sent: TestRequest = {}, answer: TestAnswer = {}) => exchange(rule, sent, answer);
}
const errorsOf = (body: string | null) => (JSON.parse(body!) as { errors: object[] }).errors;
const post = (value: unknown, ...lines: string[]): TestRequest => ({
  method: 'POST',
  body: typeof value === 'string' ? value : JSON.stringify(value),
  lines: [JSON_TYPE, ...lines],
});

const USER = {
  type: 'object',
  required: ['name'],
  additionalProperties: false,
  properties: {
    name: { type: 'string', minLength: 1, pattern: '^[a-z]+$' },
    age: { $ref: '#/$defs/age' },
    tags: { type: 'array', uniqueItems: true, items: { type: 'string' } },
  },
  $defs: { age: { type: 'integer', minimum: 0 } },
};

describe('answers', () => {
  const ITEM = { type: 'object', required: ['id'], properties: { id: { type: 'integer' } } };
  const json = (value: unknown, more: object = {}): TestAnswer => ({
    body: typeof value === 'string' ? value : JSON.stringify(value),
    lines: [JSON_TYPE],
    ...more,
  });
  const DOCUMENT = {
    openapi: '3.0.3',
    paths: {
      '/items/{id}': {
        get: {
          responses: {
            200: {
              headers: { 'X-Total': { required: true, schema: { type: 'integer' } } },
              content: {
                'application/json': { schema: { $ref: '#/components/schemas/item' } },
                'text/plain': {},
              },
            },
            '4XX': { $ref: '#/components/responses/problem' },
          },
        },
        delete: {},
        put: { responses: { default: { description: 'all are good' } } },
      },
    },
    components: {
      schemas: { item: { ...ITEM, properties: { id: { type: 'integer', nullable: true } } } },
      responses: {
        problem: { content: { 'application/problem+json': { schema: { required: ['status'] } } } },
      },
    },
  };
  const described = (mode = 'refuse') =>
    gate(
      { openapi: { configMapRef: { name: 'a' } }, answers: { mode }, maxBodyBytes: 64 },
      { 'a/openapi.yaml': DOCUMENT },
    );
  const total = [JSON_TYPE, 'X-Total: 7'];

  it.each<[string, TestAnswer, number, TestRequest?]>([
    ['fits', json({ id: 1 }, { lines: total }), 200],
    ['is null where 3.0 lets it', json({ id: null }, { lines: total }), 200],
    ['has a body that does not fit', json({ id: 'x' }, { lines: total }), 502],
    ['has no JSON', json('{', { lines: total }), 502],
    ['lacks a header', json({ id: 1 }), 502],
    ['has a header that does not fit', json({ id: 1 }, { lines: [JSON_TYPE, 'X-Total: many'] }), 502],
    [
      'is of another type that is described',
      json('text', { lines: ['content-type: text/plain', 'X-Total: 7'] }),
      200,
    ],
    ['is of a type that is not', json('<a/>', { lines: ['content-type: text/html', 'X-Total: 7'] }), 502],
    ['has a status that is not described', json({ id: 1 }, { status: 500, lines: total }), 502],
    [
      'has one of a class that is',
      json({ status: 404 }, { status: 404, lines: ['content-type: application/problem+json'] }),
      404,
    ],
    [
      'has one of a class, and does not fit',
      json({}, { status: 404, lines: ['content-type: application/problem+json'] }),
      502,
    ],
    ['is too large to be looked at', json({ id: 1, more: 'x'.repeat(64) }, { lines: total }), 502],
    ['is compressed all the same', json({ id: 1 }, { lines: [...total, 'content-encoding: gzip'] }), 502],
    ['has no body', { lines: total }, 502],
    ['has one of no bytes', json('', { lines: total }), 502],
    ['says that nothing is new', { status: 304 }, 304],
    ['belongs to HEAD', json({ id: 'x' }, { lines: total }), 200, { method: 'HEAD' }],
    ['belongs to an operation without answers', json('', { status: 500 }), 500, { method: 'DELETE' }],
    ['is one of all others', json('any', { status: 503 }), 503, { method: 'PUT' }],
  ])('%s', async (_, answer, expected, sent = {}) => {
    const outcome = await described()({ target: '/items/1', ...sent }, answer);
    expect(outcome.status).toBe(expected);
    const bytes = expected === 502 || sent.method === 'HEAD' ? null : (answer.body ?? '');
    if (bytes !== null) expect(outcome.answerBody.toString()).toBe(bytes);
    // What is wrong is told to operators alone.
    if (expected === 502)
      expect(Object.keys(JSON.parse(outcome.body!))).toEqual(['type', 'title', 'status', 'detail']);
  });

  it('are asked for whole, and in what can be read', async () => {
    const { forwarded } = await described()(
      { target: '/items/1', lines: ['Range: bytes=0-1', 'Accept-Encoding: br'] },
      json({ id: 1 }, { lines: total }),
    );
    expect(forwarded!.filter((line) => /^(range|accept-enc)/.test(line))).toEqual([
      'accept-encoding: identity',
    ]);
    const plain = await described()({ target: '/items/1', method: 'DELETE', lines: ['Accept-Encoding: br'] });
    expect(plain.forwarded).toContain('accept-encoding: br');
  });

  it('that do not fit pass in mode report, and are told once and counted always', async () => {
    const logged: string[] = [];
    const counted = { passed: 0, replied: 0 };
    const env = {
      log: (_: string, message: string) => void logged.push(message),
      shadowOutcomes: (policy: string, outcome: 'passed' | 'replied') => ({
        add: (n: number) => {
          if (policy === 'validate-answers') counted[outcome] += n;
        },
      }),
    };
    const config = { answers: { mode: 'report', body: { schema: ITEM }, statuses: ['2xx'] } };
    const rule = bindPoliciesWith({ env: env as never }, [validate, config]);
    const bad = { id: 'a secret' };
    for (let i = 0; i < 3; i++)
      expect((await exchange(rule, {}, json(bad))).answerBody.toString()).toBe(JSON.stringify(bad));
    expect((await exchange(rule, {}, json({ id: 1 }))).status).toBe(200);
    expect((await exchange(rule, {}, json('x'.repeat(2_000_000)))).answerBody).toHaveLength(2_000_000);
    expect(counted).toEqual({ passed: 1, replied: 4 });
    expect(logged).toEqual([
      expect.stringContaining("GET /: the backend's body /id must be integer"),
      expect.stringContaining('larger than'),
    ]);
  });

  it('by schemas of their own: statuses, headers, body', async () => {
    const send = gate({
      answers: {
        statuses: ['200', '4xx'],
        headers: {
          schema: { required: ['x-total'], properties: { 'x-total': { type: 'integer', maximum: 9 } } },
        },
        body: { schema: { ...ITEM, $ref: '#/$defs/small', $defs: { small: { maxProperties: 1 } } } },
      },
    });
    expect((await send({}, json({ id: 1 }, { lines: total }))).status).toBe(200);
    expect((await send({}, json({ id: 1, b: 2 }, { lines: total }))).status).toBe(502);
    expect((await send({}, json({ id: 1 }, { lines: [JSON_TYPE, 'X-Total: 10'] }))).status).toBe(502);
    expect((await send({}, json({ id: 1 }, { status: 201, lines: total }))).status).toBe(502);
    // Errors look otherwise: of them only the status counts.
    expect((await send({}, json('short and stout', { status: 418 }))).status).toBe(418);
    expect(
      (await gate({ answers: { body: { schema: ITEM } } })({}, json('no', { status: 500 }))).status,
    ).toBe(500);
    expect((await send({}, json({}, { status: 500 }))).status).toBe(502);
  });

  it('of the gateway are not looked at', async () => {
    const config = { query: { schema: { required: ['q'] } }, answers: { statuses: ['200'] } };
    expect((await gate(config)()).status).toBe(400);
  });

  it.each([
    [{ answers: {} }, 'give statuses, headers or body'],
    [{ openapi: { configMapRef: { name: 'a' } }, answers: { statuses: ['200'] } }, 'either openapi'],
    [{ openapi: { file: '/etc/openapi.yaml' } }, 'write a path'],
    [{ openapi: { file: 'openapi.txt' } }, 'write a path'],
    [{ openapi: { file: 'a.yaml', configMapRef: { name: 'a' } } }, 'exactly one of configMapRef or file'],
  ])('%j is refused', (config, message) => {
    expect(() => gate(config)).toThrow(message);
  });

  it.each([
    [{ responses: { 20: {} } }, '20 is no status'],
    [{ responses: { 200: { headers: { A: 1 } } } }, 'A is no object'],
    [
      { responses: { 200: { content: { 'application/json': { schema: { type: 'no type' } } } } } },
      'type must be',
    ],
  ])('%j closes the rule only where answers are looked at', (get, message) => {
    const documents = { 'a/openapi.yaml': { openapi: '3.1.0', paths: { '/a': { get } } } };
    const openapi = { configMapRef: { name: 'a' } };
    expect(() => gate({ openapi }, documents)).not.toThrow();
    expect(() => gate({ openapi, answers: {} }, documents)).toThrow(message);
  });
});

describe('a body', () => {
  const cases: [string, unknown, object | null][] = [
    ['is good', { name: 'ann', age: 3, tags: ['a', 'b'] }, null],
    ['lacks a field', { age: 3 }, { in: 'body', pointer: '', detail: "must have required property 'name'" }],
    ['has a wrong type', { name: 'a', age: '3' }, { in: 'body', pointer: '/age', detail: 'must be integer' }],
    [
      'has one field too many',
      { name: 'a', x: 1 },
      { in: 'body', pointer: '', detail: 'must NOT have additional properties' },
    ],
    [
      'does not match',
      { name: 'ANN' },
      { in: 'body', pointer: '/name', detail: 'must match pattern "^[a-z]+$"' },
    ],
    ['repeats itself', { name: 'a', tags: ['a', 'a'] }, { in: 'body', pointer: '/tags' }],
    [
      'has a member twice',
      '{"name":"a","age":"x","age":3}',
      { in: 'body', pointer: '', detail: 'has a member twice' },
    ],
    [
      'has a number without end',
      '{"name":"a","age":1e400}',
      { in: 'body', pointer: '/age', detail: 'must be integer' },
    ],
    ['is no JSON', '{"name":', { in: 'body', pointer: '', detail: 'is no JSON (RFC 8259)' }],
    ['has its names from elsewhere', '{"__proto__":{"name":"a"}}', { in: 'body', pointer: '' }],
  ];
  it.each(cases)('%s', async (_, value, fault) => {
    const answer = await gate({ body: { schema: USER } })(post(value));
    if (fault === null) expect(answer.status).toBe(200);
    else {
      expect([answer.status, answer.header('content-type')]).toEqual([400, 'application/problem+json']);
      expect(errorsOf(answer.body)).toMatchObject([fault]);
    }
  });

  it('says nothing of its values', async () => {
    const schema = { properties: { card: { enum: ['visa'] }, pin: { const: 'x' } } };
    const send = gate({ body: { schema } });
    for (const value of [{ card: '4111-secret' }, { pin: 'secret' }, '{"pin": secret'])
      expect((await send(post(value))).body).not.toContain('secret');
  });

  it('is needed, of a type that is taken, not too large, not compressed', async () => {
    const send = gate({ body: { schema: USER }, maxBodyBytes: '64' });
    expect((await send({ method: 'POST' })).status).toBe(400);
    expect((await send({ ...post({ name: 'a' }), lines: ['content-type: text/plain'] })).status).toBe(415);
    expect((await send(post({ name: 'a'.repeat(100) }))).status).toBe(413);
    expect((await send(post({ name: 'a' }, 'content-encoding: gzip'))).status).toBe(415);
    const optional = gate({ body: { schema: USER, required: false } });
    expect((await optional({ method: 'POST' })).status).toBe(200);
  });

  it('that is nested without end is refused, not fatal', async () => {
    const send = gate({ body: { schema: { type: 'array', items: { $ref: '#' } } } });
    expect((await send(post('['.repeat(100_000) + ']'.repeat(100_000)))).status).toBe(400);
  });
});

test('query, headers, cookies and path: texts become what their schemas want', async () => {
  const send = gate({
    query: {
      schema: {
        required: ['page'],
        properties: {
          page: { type: 'integer', minimum: 1 },
          all: { type: 'boolean' },
          tag: { type: 'array', items: { type: 'integer' } },
        },
      },
    },
    headers: { schema: { required: ['x-tenant'], properties: { 'x-tenant': { pattern: '^[a-z]+$' } } } },
    cookies: { schema: { properties: { age: { type: 'number' } } } },
    path: { template: '/users/{id}', schema: { properties: { id: { type: 'integer' } } } },
  });
  const ask = async (target: string, ...lines: string[]) => {
    const { status, body } = await send({ target, lines });
    return status === 400 ? errorsOf(body).map((one) => (one as { in: string }).in) : status;
  };
  const tenant = 'X-Tenant: acme';
  expect(await ask('/users/7?page=2&all=true&tag=1&tag=2', tenant, 'Cookie: age=1.5')).toBe(200);
  expect(await ask('/users/7?page=0x10', tenant)).toEqual(['query']);
  expect(await ask('/users/7?page=2&all=yes', tenant)).toEqual(['query']);
  expect(await ask('/users/7?page=2&page=3', tenant)).toEqual(['query']);
  expect(await ask('/users/7?page=2&tag=x', tenant)).toEqual(['query']);
  expect(await ask('/users/x?page=2', 'X-Tenant: A')).toEqual(['path', 'header']);
  expect(await ask('/users/7?page=2', tenant, 'Cookie: age=old')).toEqual(['cookie']);
  expect(await ask('/others/7?page=2', tenant)).toBe(404);
});

test('draft-07 is another dialect', async () => {
  const schema = { type: 'array', items: [{ type: 'integer' }], additionalItems: false };
  const send = gate({ body: { schema }, dialect: 'draft-07' });
  expect((await send(post([1]))).status).toBe(200);
  expect((await send(post([1, 2]))).status).toBe(400);
});

const PETS = (version: string, nullable: object) => ({
  openapi: version,
  servers: [{ url: 'https://api.example.com/v1/' }],
  paths: {
    '/pets/mine': { get: {} },
    '/pets/{id}': {
      parameters: [{ $ref: '#/components/parameters/Id' }],
      get: {
        parameters: [
          {
            name: 'fields',
            in: 'query',
            explode: false,
            schema: { type: 'array', items: { enum: ['a', 'b'] } },
          },
        ],
      },
      put: { requestBody: { $ref: '#/components/requestBodies/Pet' } },
    },
  },
  components: {
    parameters: { Id: { name: 'id', in: 'path', required: true, schema: { type: 'integer' } } },
    requestBodies: {
      Pet: {
        required: true,
        content: {
          'application/json': { schema: { $ref: '#/components/schemas/Pet' } },
          'application/x-www-form-urlencoded': { schema: { $ref: '#/components/schemas/Pet' } },
          'image/*': {},
        },
      },
    },
    schemas: {
      Pet: { type: 'object', required: ['name'], properties: { name: { type: 'string' }, age: nullable } },
    },
  },
});

describe.each([
  ['3.1.0', { type: ['integer', 'null'], exclusiveMinimum: 0 }],
  ['3.0.3', { type: 'integer', nullable: true, minimum: 0, exclusiveMinimum: true }],
])('an OpenAPI document of %s', (version, nullable) => {
  const send = gate(
    { openapi: { configMapRef: { name: 'pets', key: 'openapi.yaml' } } },
    { 'pets/openapi.yaml': PETS(version, nullable) },
  );
  const put = (value: unknown) => ({ ...post(value), method: 'PUT', target: '/v1/pets/7' });

  it('knows its paths and methods', async () => {
    const status = async (method: string, target: string) => (await send({ method, target })).status;
    expect(await status('GET', '/v1/pets/7')).toBe(200);
    expect(await status('HEAD', '/v1/pets/7')).toBe(200);
    expect(await status('GET', '/v1/pets/mine')).toBe(200);
    expect(await status('GET', '/v1/pets/x')).toBe(400);
    expect(await status('GET', '/v1/pets')).toBe(404);
    expect(await status('GET', '/pets/7')).toBe(404);
    const refused = await send({ method: 'DELETE', target: '/v1/pets/7' });
    expect([refused.status, refused.header('allow')]).toEqual([405, 'GET, PUT']);
  });

  it('checks parameters', async () => {
    expect((await send({ target: '/v1/pets/7?fields=a,b' })).status).toBe(200);
    const refused = await send({ target: '/v1/pets/7?fields=a,c' });
    expect(errorsOf(refused.body)).toMatchObject([{ in: 'query', pointer: '/fields/1' }]);
  });

  it('checks bodies by their type', async () => {
    expect((await send(put({ name: 'rex', age: 3 }))).status).toBe(200);
    expect((await send(put({ name: 'rex', age: null }))).status).toBe(200);
    expect((await send(put({ name: 'rex', age: 0 }))).status).toBe(400);
    expect((await send(put({}))).status).toBe(400);
    const form = (body: string) => ({
      ...put(body),
      lines: ['content-type: application/x-www-form-urlencoded'],
    });
    expect((await send(form('name=rex&age=3'))).status).toBe(200);
    expect((await send(form('age=3'))).status).toBe(400);
    expect((await send({ ...put('PNG'), lines: ['content-type: image/png'] })).status).toBe(200);
    expect((await send({ ...put('x'), lines: ['content-type: text/plain'] })).status).toBe(415);
  });
});

test('what the document does not describe may pass', async () => {
  const openapi = { configMapRef: { name: 'pets' }, unknown: 'pass', basePath: '/api' };
  const documents = { 'pets/openapi.yaml': PETS('3.1.0', {}) };
  const send = gate({ openapi }, documents);
  expect((await send({ target: '/else' })).status).toBe(200);
  expect((await send({ target: '/api/pets/x' })).status).toBe(400);
});

describe('refused before anything is served', () => {
  const openapi = { configMapRef: { name: 'pets' } };
  const deep = (depth: number): object => (depth === 0 ? {} : { items: deep(depth - 1) });
  it.each<[string, object, string]>([
    ['nothing', {}, 'nothing to validate'],
    ['both', { openapi, body: { schema: {} } }, 'either openapi, or schemas of its own'],
    ['a host to fetch', { body: { schema: { $ref: 'https://evil.example/x' } } }, 'leaves the document'],
    ['a file', { body: { schema: { $ref: 'other.json#/x' } } }, 'leaves the document'],
    ['a reference to nothing', { body: { schema: { $ref: '#/$defs/x' } } }, 'leads to nothing'],
    ['look-around', { body: { schema: { pattern: '(?=a)b' } } }, 'not valid RE2 syntax'],
    [
      'a costly pattern',
      { body: { schema: { patternProperties: { '(a{1000}){1000}': {} } } } },
      'regular expression',
    ],
    ['depth', { body: { schema: deep(120) } }, 'nested deeper'],
    ['no schema', { body: { schema: { type: 'nonsense' } } }, 'type'],
  ])('%s', (_, config, message) => {
    expect(() => gate(config)).toThrow(message);
  });

  it.each<[string, object, string]>([
    ['another version', { swagger: '2.0' }, 'no OpenAPI document of version 3.0 or 3.1'],
    ['no paths', { openapi: '3.1.0' }, 'it has no paths'],
    [
      'a schema elsewhere',
      { openapi: '3.1.0', paths: { '/a': { $ref: 'http://evil.example/a' } } },
      'leaves the document',
    ],
    [
      'references in circles',
      { openapi: '3.1.0', paths: { '/a': { $ref: '#/paths/~1b' }, '/b': { $ref: '#/paths/~1a' } } },
      'go in circles',
    ],
  ])('%s in a document', (_, document, message) => {
    expect(() => gate({ openapi }, { 'pets/openapi.yaml': document })).toThrow(message);
  });
});
