import { afterAll, beforeAll, expect, it } from 'vitest';
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
