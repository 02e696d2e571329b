import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Gateway, startGateway } from './support/gateway.ts';
import { head, RawClient, rawRequest } from './support/raw-client.ts';
import { forwardAll } from './support/resources.ts';
import { answering, RecordingUpstream } from './support/upstream.ts';
import { until } from './support/wait.ts';

/** Policies of every route, in a running gateway: the size of bodies, and what overload protection says of itself. */
let upstream: RecordingUpstream;
let gateway: Gateway;

beforeAll(async () => {
  upstream = await RecordingUpstream.start(answering());
  gateway = await startGateway({
    files: forwardAll(upstream.port),
    settings: { policies: [{ bodyLimit: { maxBytes: '1Ki' } }, { overload: { priority: 'low' } }] },
    threads: 2,
  });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

it('a body of the length that may be passes, a longer one is refused before it is sent', async () => {
  const post = (length: number) => `${head('POST /a', `Content-Length: ${length}`)}${'x'.repeat(length)}`;
  expect((await rawRequest(gateway.port, post(1024))).status).toBe(200);
  expect(upstream.last.body).toHaveLength(1024);
  expect((await rawRequest(gateway.port, post(1025))).status).toBe(413);
  expect(upstream.requests).toHaveLength(1);
});

it('nobody is told to go on with a body that is too long', async () => {
  const client = await RawClient.connect(gateway.port);
  client.write(head('POST /a', 'Content-Length: 5000', 'Expect: 100-continue'));
  expect((await client.answer('POST')).status).toBe(413);
  expect(client.text).not.toContain('100 Continue');
  client.destroy();
});

it('a body without a length is cut off where it becomes too long', async () => {
  const client = await RawClient.connect(gateway.port);
  client.write(head('POST /chunked', 'Transfer-Encoding: chunked'));
  client.write(`400\r\n${'y'.repeat(1024)}\r\n`);
  await until(() => upstream.requests.some(({ target }) => target === '/chunked'), 'it reaches the backend');
  client.write('1\r\nz\r\n');
  expect((await client.answer('POST')).status).toBe(413);
  client.destroy();
  await until(() => upstream.last.connection.closed, 'the backend sees it broken off');
  expect(upstream.last.message.complete).toBe(false);
});

it('metrics of overload protection are there before it has anything to do', async () => {
  const { text } = await gateway.admin('/metrics');
  expect(text).toContain('gateway_overload_shed_total{priority="low"} 0');
  expect(text).toContain('gateway_thread_overload_pressure{thread="0"} 0');
  expect(text).toContain('gateway_thread_overload_pressure{thread="1"} 0');
});
