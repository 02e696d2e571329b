import { isIP } from 'node:net';

export interface ListenAddress {
  readonly address: string;
  readonly port: number;
}

/**
 * `8080`, `:8080`, `127.0.0.1:8080`, `[::1]:8080` or `localhost:8080`. Without an address: every IPv4
 * address of the machine. Port 0 takes any free port.
 * @throws Error that says which forms are taken.
 */
export function parseListenAddress(text: string): ListenAddress {
  const parts = /^(?:(?:\[([^\]]+)\]|([^:[\]]+))?:)?(\d{1,5})$/.exec(text);
  const port = Number(parts?.[3]);
  const address = parts?.[1] ?? parts?.[2] ?? '0.0.0.0';
  const known =
    parts?.[1] === undefined ? isIP(address) === 4 || address === 'localhost' : isIP(address) === 6;
  if (parts === null || port > 65_535 || !known) {
    throw new Error(
      `"${text}" is not an address to listen on: write PORT, ADDRESS:PORT or [IPV6]:PORT, for example 127.0.0.1:8080`,
    );
  }
  return { address, port };
}

/** As {@link parseListenAddress} takes it. */
export function formatListenAddress({ address, port }: ListenAddress): string {
  return isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}
