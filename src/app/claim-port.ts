import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { ListenError } from '../control/publisher.ts';
import type { ListenerIr } from '../ir/settings.ts';
import { formatListenAddress } from './listen-address.ts';

/**
 * Listens for a moment, alone. Threads share their port (`SO_REUSEPORT`), so they would share it with another
 * gateway on this machine too, each taking half of the requests; and port 0 must become the same port for all.
 * @returns the listener with its port.
 * @throws ListenError when the address is taken or may not be listened on.
 */
export async function claimPort(listener: ListenerIr): Promise<ListenerIr> {
  const server = createServer();
  server.listen({ host: listener.address, port: listener.port, exclusive: true });
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new ListenError(listener.name, describe(listener, error as NodeJS.ErrnoException));
  }
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return { ...listener, port };
}

function describe(listener: ListenerIr, error: NodeJS.ErrnoException): string {
  const place = `can't listen on ${formatListenAddress(listener)}`;
  if (error.code === 'EADDRINUSE')
    return `${place}: another program does (choose another port, see --listen)`;
  if (error.code === 'EACCES') return `${place}: not permitted (ports below 1024 need a privilege)`;
  if (error.code === 'EADDRNOTAVAIL') return `${place}: this machine has no such address`;
  return `${place}: ${error.message}`;
}
