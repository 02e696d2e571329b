import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { Audience } from '../../control/acks.ts';
import type { Publisher } from '../../control/publisher.ts';
import { type Authenticator, anyOf, sharedToken } from '../../control/remote/authenticator.ts';
import { DataPlanes } from '../../control/remote/data-planes.ts';
import { Journal } from '../../control/remote/journal.ts';
import { type ServerCertificate, StreamServer } from '../../control/remote/stream-server.ts';
import type { ProgramLog } from '../../observe/log.ts';
import type { GaugeSample } from '../../observe/metrics-page.ts';
import { CommandError, EXIT } from '../exit-code.ts';
import type { GatewayHooks } from '../gateway-hooks.ts';
import { VERSION } from '../version.ts';
import type { StreamSettings } from './settings.ts';

/** Certificates are replaced in place; what is mounted from a Secret follows it within a minute anyway. */
const RELOAD_MS = 30_000;

/** The controller's end of the stream to data planes that run apart. */
export class TableStream implements GatewayHooks {
  readonly #server: StreamServer;
  readonly #reload: NodeJS.Timeout | null;
  #publisher: Publisher | null = null;
  #dataPlanes: DataPlanes | null = null;
  #begun = false;

  private constructor(server: StreamServer, reload: NodeJS.Timeout | null) {
    this.#server = server;
    this.#reload = reload;
  }

  /**
   * Listens; data planes are let in when the source has told its first table.
   * @param accounts takes tokens of service accounts; null: there are none
   * @throws CommandError when files can't be read or the address can't be listened on.
   */
  static async open(
    settings: StreamSettings,
    accounts: Authenticator | null,
    log: ProgramLog,
  ): Promise<TableStream> {
    const { listen, certificateFiles, tokenFile } = settings;
    const certificate =
      certificateFiles && (await readCertificate(certificateFiles).catch(refuse(EXIT.usage)));
    const tokens = tokenFile === null ? [] : [sharedToken(tokenFile)];
    const server = new StreamServer({
      ...{ ...listen, certificate, version: VERSION.version, log },
      authenticate: anyOf([...tokens, ...(accounts === null ? [] : [accounts])]),
    });
    const bound = await server.listen().catch(refuse(EXIT.cannotListen));
    log.info({ event: 'streamListening', ...bound }, 'data planes may follow');
    return new TableStream(
      server,
      certificateFiles && followFiles(certificateFiles, certificate!, server, log),
    );
  }

  /** Everyone who serves what is published; `onAttendance`: the first data plane has come, or the last one has gone. */
  audience(publisher: Publisher, onAttendance: () => void = () => {}): Audience {
    this.#dataPlanes ??= new DataPlanes(publisher, undefined, onAttendance);
    return this.#dataPlanes;
  }

  created(publisher: Publisher): void {
    this.#publisher = publisher;
    this.audience(publisher);
  }

  published(): void {
    if (this.#begun || this.#publisher === null || this.#dataPlanes === null) return;
    this.#begun = true;
    this.#server.begin({ journal: new Journal(this.#publisher), dataPlanes: this.#dataPlanes });
  }

  *gauges(): Iterable<GaugeSample> {
    const planes = this.#dataPlanes?.list() ?? [];
    const generation = this.#publisher?.generation ?? 0;
    const one = (name: string, help: string, value: number): GaugeSample => ({
      name,
      help,
      labels: {},
      value,
    });
    yield one('gateway_data_planes', 'Data planes that follow this controller.', this.#server.connected);
    yield one(
      'gateway_data_planes_lost',
      'Data planes that were lost without a word in the last half minute.',
      planes.filter(({ connected }) => !connected).length,
    );
    yield one(
      'gateway_data_planes_behind',
      'Data planes of which a thread does not serve the last generation yet.',
      planes.filter((plane) => plane.generation < generation).length,
    );
    yield one(
      'gateway_data_plane_full_states',
      'Whole tables that data planes were sent since the start, because they were new or too slow.',
      this.#server.fullStates,
    );
  }

  async closing(): Promise<void> {
    if (this.#reload !== null) clearInterval(this.#reload);
    await this.#server.close();
    this.#dataPlanes?.close();
  }
}

type CertificateFiles = NonNullable<StreamSettings['certificateFiles']>;

/** @throws Error when they can't be read or don't fit. */
async function readCertificate(files: CertificateFiles): Promise<ServerCertificate> {
  const [cert, key] = await Promise.all([readFile(files.cert, 'utf8'), readFile(files.key, 'utf8')]);
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw new Error(
      `${files.cert} and ${files.key} are no certificate with its key: ${(error as Error).message}`,
    );
  }
  return { cert, key };
}

function followFiles(
  files: CertificateFiles,
  first: ServerCertificate,
  server: StreamServer,
  log: ProgramLog,
): NodeJS.Timeout {
  let served = first;
  const look = async (): Promise<void> => {
    const found = await readCertificate(files);
    if (found.cert === served.cert) return;
    served = found;
    server.setCertificate(found);
    log.info({ event: 'streamCertificate' }, 'data planes are shown a new certificate');
  };
  const failed = ({ message }: Error): void =>
    log.error(
      { event: 'streamCertificate', error: message },
      'the certificate for data planes can not be read',
    );
  return setInterval(() => void look().catch(failed), RELOAD_MS).unref();
}

function refuse(exitCode: typeof EXIT.usage | typeof EXIT.cannotListen): (error: Error) => never {
  return ({ message }) => {
    throw new CommandError(exitCode, `error: --stream: ${message}`);
  };
}
