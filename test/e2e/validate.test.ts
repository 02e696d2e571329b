import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { type Gateway, startGateway } from './support/gateway.ts';
import { get, head, rawRequest } from './support/raw-client.ts';
import { forward, prefix, route } from './support/resources.ts';
import { answering, RecordingUpstream } from './support/upstream.ts';
import { until } from './support/wait.ts';

/** Requests against an OpenAPI document in a ConfigMap, in a running gateway. */
let upstream: RecordingUpstream;
let gateway: Gateway;

const document = (paths: object) =>
  stringify({ openapi: '3.1.0', info: { title: 't', version: '1' }, paths });
const ORDER = { type: 'object', required: ['item'], properties: { item: { type: 'string', maxLength: 5 } } };
const ORDERS = {
  '/orders': {
    post: { requestBody: { required: true, content: { 'application/json': { schema: ORDER } } } },
  },
};
const configMap = (name: string, text: string) =>
  stringify({
    ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' } },
    data: { 'openapi.yaml': text },
  });
const described = (name: string) => [{ validate: { openapi: { configMapRef: { name } } } }];

beforeAll(async () => {
  upstream = await RecordingUpstream.start(answering());
  gateway = await startGateway({
    files: {
      'orders.yaml': configMap('orders', document(ORDERS)),
      'broken.yaml': configMap('broken', document({ '/a': { $ref: 'https://evil.example/a' } })),
      'route.yaml': route('all', [
        forward('/orders', upstream.port, { policies: described('orders') }),
        { ...prefix('/a'), respond: {}, policies: described('broken') },
        { ...prefix('/later'), respond: {}, policies: described('later') },
      ]),
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

const post = (body: string) =>
  rawRequest(
    gateway.port,
    `${head('POST /orders', 'Content-Type: application/json', `Content-Length: ${body.length}`)}${body}`,
  );

it('what fits reaches the backend whole, what does not never does', async () => {
  expect((await post('{"item":"tea"}')).status).toBe(200);
  expect(upstream.last.body).toBe('{"item":"tea"}');
  const refused = await post('{"item":"too long"}');
  expect(refused.status).toBe(400);
  expect(JSON.parse(refused.body)).toMatchObject({
    type: 'about:blank',
    errors: [{ in: 'body', pointer: '/item', detail: 'must NOT have more than 5 characters' }],
  });
  expect((await get(gateway.port, '/orders')).status).toBe(405);
  expect(upstream.requests).toHaveLength(1);
});

it('a document that is missing or no good keeps its rule shut, and only that', async () => {
  expect((await get(gateway.port, '/a')).status).toBe(500);
  expect(gateway.log).toContain('nothing is fetched');
  expect((await get(gateway.port, '/later')).status).toBe(500);
  gateway.write('later.yaml', configMap('later', document({ '/later': { get: {} } })));
  await until(async () => (await get(gateway.port, '/later')).status === 200, 'the rule opens');
});

it('a document that changes is obeyed', async () => {
  gateway.write('orders.yaml', configMap('orders', document({ '/orders': { get: {} } })));
  await until(async () => (await get(gateway.port, '/orders')).status === 200, 'GET is described now');
  expect((await post('{"item":"tea"}')).status).toBe(405);
});

describe('a document in a file of the folder', () => {
  const named = (name: string, path: string, file: string) =>
    route(name, [{ ...prefix(path), respond: {}, policies: [{ validate: { openapi: { file } } }] }]);
  const status = async (path: string) => (await get(gateway.port, path)).status;
  const paths = (...names: string[]) =>
    document(Object.fromEntries(names.map((name) => [name, { get: {} }])));

  it('is found from the file that names it, and holds at once when it changes', async () => {
    gateway.write('shop/openapi/shop.yaml', paths('/shop/a'));
    gateway.write('shop/route.yaml', named('shop', '/shop', 'openapi/shop.yaml'));
    gateway.write('shop/deep/route.yaml', named('deep', '/shop/deep', '../openapi/shop.yaml'));
    await until(async () => (await status('/shop/a')) === 200, 'the routes are there');
    expect([await status('/shop/b'), await status('/shop/deep')]).toEqual([404, 404]);
    gateway.write('shop/openapi/shop.yaml', paths('/shop/b', '/shop/deep'));
    await until(async () => (await status('/shop/b')) === 200, 'the document is read again');
    expect([await status('/shop/a'), await status('/shop/deep')]).toEqual([404, 200]);
    // What can't be read stands as it was.
    gateway.write('shop/openapi/shop.yaml', 'openapi: 3.1.0\npaths: [');
    await until(() => gateway.log.includes('shop/openapi/shop.yaml:'), 'it is told');
    expect(await status('/shop/b')).toBe(200);
    gateway.folder.remove('gateway.d/shop/openapi/shop.yaml');
    await until(async () => (await status('/shop/b')) === 500, 'the rule closes');
  });

  it('is never one outside of the folder, and never a file that is none', async () => {
    gateway.folder.write('outside.yaml', paths('/out'));
    gateway.write('out.yaml', named('out', '/out', '../outside.yaml'));
    gateway.write('self.yaml', named('self', '/self', 'self.yaml'));
    await until(async () => (await status('/out')) === 500, 'the rule is closed');
    await until(async () => (await status('/self')) === 500, 'so is the other');
    expect(gateway.log).toContain(
      'there is no OpenAPI document ../outside.yaml in the folder that is served',
    );
  });
});

describe('answers', () => {
  const ITEM = { type: 'object', required: ['id'], properties: { id: { type: 'integer' } } };
  const answers = (mode: string) => [{ validate: { answers: { mode, body: { schema: ITEM } } } }];
  const sent = async (path: string, body: string, ...lines: string[]) => {
    upstream.script = answering(body, 'Content-Type: application/json', ...lines);
    return get(gateway.port, path);
  };

  it('that do not fit are 502, or only told of', async () => {
    gateway.write(
      'answers.yaml',
      route('answers', [
        forward('/strict', upstream.port, { policies: answers('refuse') }),
        forward('/watched', upstream.port, { policies: answers('report') }),
      ]),
    );
    await until(async () => (await sent('/strict', '{"id":1}')).status === 200, 'the route is there');
    expect((await sent('/strict', '{"id":1}')).body).toBe('{"id":1}');
    const refused = await sent('/strict', '{"id":"a secret"}');
    expect(refused.status).toBe(502);
    expect(refused.body).not.toContain('secret');
    const passed = await sent('/watched', '{"id":"a secret"}');
    expect([passed.status, passed.body]).toEqual([200, '{"id":"a secret"}']);
    // Larger than what is held: it streams on all the same.
    const large = JSON.stringify({ id: 1, text: 'x'.repeat(3_000_000) });
    expect((await sent('/watched', large)).body.length).toBe(large.length);
    expect((await sent('/strict', large)).status).toBe(502);
    await until(
      () => gateway.log.includes("GET /strict: the backend's body /id must be integer"),
      'it is told',
    );
    expect(gateway.log).not.toContain('secret');
    const metric =
      /gateway_policy_shadow_total\{[^}]*policy="validate-answers"[^}]*outcome="replied"[^}]*\} 2/;
    await until(async () => metric.test((await gateway.admin('/metrics')).text), 'both are counted');
  });
});
