import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { StreamTarget } from '../../control/remote/connect.ts';
import { isLoopback } from '../../lib/loopback.ts';
import { createProgramLog } from '../../observe/log.ts';
import type { Overrides } from '../config.ts';
import { CommandError, EXIT, type ExitCode } from '../exit-code.ts';
import { Gateway } from '../gateway.ts';
import { loadClusterConfig } from '../load-config.ts';
import { runGateway } from '../run-gateway.ts';
import { VERSION } from '../version.ts';
import { RemoteFeed } from './remote-feed.ts';

export interface DataPlaneRequest extends Overrides {
  /** `https://NAME:PORT` */
  readonly controller: string;
  readonly tokenFile: string;
  readonly caFile?: string;
  readonly insecure?: boolean;
  readonly stateDir?: string;
  readonly name?: string;
  readonly configFile?: string;
  readonly logLevel: Parameters<typeof createProgramLog>[0]['level'];
}

/**
 * Serves what a controller tells, until a signal says to stop.
 * @throws CommandError when it can't begin.
 */
export async function runDataPlane(request: DataPlaneRequest): Promise<ExitCode> {
  const log = createProgramLog({ level: request.logLevel });
  const target = targetOf(request);
  const { config } = await loadClusterConfig(request.configFile ?? null, 'default', request);
  const feed = new RemoteFeed({ target, stateDir: request.stateDir ?? null, log });
  const open = feed.open.bind(feed);
  return runGateway(() => Gateway.start(config, open, log, feed), log);
}

/** @throws CommandError when the URL is none that a token may be sent to. */
function targetOf(request: DataPlaneRequest): () => Promise<Omit<StreamTarget, 'instance' | 'from'>> {
  const { tokenFile, caFile, insecure = false } = request;
  const { protocol, hostname: host, port } = controllerUrl(request.controller);
  const address = host.replace(/^\[(.*)\]$/, '$1');
  if (protocol === 'http:' && !(insecure && isLoopback(address))) {
    const problem =
      'http: would show the token to everyone; write https:, or --insecure with a loopback address';
    throw new CommandError(EXIT.usage, `error: --controller: ${problem}`);
  }
  const name = request.name ?? process.env.POD_NAME ?? hostname();
  return async () => ({
    ...{ host: address, port: Number(port), version: VERSION.version, name },
    tls: protocol === 'http:' ? null : { ca: caFile === undefined ? null : await readFile(caFile, 'utf8') },
    token: (await readFile(tokenFile, 'utf8')).trim(),
  });
}

function controllerUrl(text: string): URL {
  const url = URL.parse(text);
  const known = url !== null && /^https?:$/.test(url.protocol) && url.port !== '' && url.pathname === '/';
  if (!known || url.username !== '' || url.search !== '')
    throw new CommandError(EXIT.usage, 'error: --controller: write https://NAME:PORT');
  return url;
}
