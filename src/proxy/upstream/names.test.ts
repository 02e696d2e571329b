import { afterEach, beforeEach, expect, it } from 'vitest';
import { guardedLookup } from '../../outbound/lookup.ts';
import type { ConnectionWaiter } from './answer-handler.ts';
import { Endpoint } from './endpoint.ts';
import { FailingEndpoints } from './failing.ts';
import { endpointIr, poolOf, SilentServer } from './testing.ts';

let server: SilentServer;

beforeEach(async () => {
  server = await SilentServer.start();
});
afterEach(() => server.stop());

/** What becomes of a connection to `localhost`. */
function connectTo(allowLoopback: boolean): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const lookup = guardedLookup({ allowLoopback, allowLinkLocal: false });
  const endpoint = new Endpoint(
    endpointIr(server.port, { address: 'localhost' }),
    null,
    poolOf({}, { lookup }),
    new FailingEndpoints(),
  );
  const waiter: ConnectionWaiter = {
    onConnection(connection) {
      connection.socket.destroy();
      resolve('connected');
    },
    onNoConnection: ({ code }) => resolve(code),
  };
  endpoint.acquire(waiter);
  return promise;
}

it('connects to what a name resolves to', async () => {
  expect(await connectTo(true)).toBe('connected');
});

it('never connects to an address that may not be a backend, whatever its name is', async () => {
  expect(await connectTo(false)).toBe('connectFailed');
  expect(server.sockets).toEqual([]);
});
