import type { Audience } from '../../control/acks.ts';
import type { Publisher } from '../../control/publisher.ts';
import { type Authenticator, anyOf, sharedToken } from '../../control/remote/authenticator.ts';
import { DataPlanes } from '../../control/remote/data-planes.ts';
import { Journal } from '../../control/remote/journal.ts';
import { StreamServer } from '../../control/remote/stream-server.ts';
import type { ProgramLog } from '../../observe/log.ts';
import type { GaugeSample } from '../../observe/metrics-page.ts';
import { CommandError, EXIT } from '../exit-code.ts';
import type { GatewayHooks } from '../gateway-hooks.ts';
import { VERSION } from '../version.ts';
import { CertificateFiles, type StreamCertificate } from './certificate.ts';
import type { StreamSettings } from './settings.ts';

/** The controller's end of the stream to data planes that run apart. */
export class TableStream implements GatewayHooks {
  readonly #server: StreamServer;
  readonly #certificate: StreamCertificate | null;
  #publisher: Publisher | null = null;
  #dataPlanes: DataPlanes | null = null;
  #begun = false;

  private constructor(server: StreamServer, certificate: StreamCertificate | null) {
    this.#server = server;
    this.#certificate = certificate;
    certificate?.follow((shown) => server.setCertificate(shown));
  }

  /**
   * Listens; data planes are let in when the source has told its first table.
   * @param accounts takes tokens of service accounts; null: there are none
   * @param kept the certificate that is made here, where the settings say so
   * @throws CommandError when files can't be read or the address can't be listened on.
   */
  static async open(
    settings: StreamSettings,
    accounts: Authenticator | null,
    log: ProgramLog,
    kept: StreamCertificate | null = null,
  ): Promise<TableStream> {
    const { listen, tokenFile, certificate: from } = settings;
    const certificate =
      from.kind === 'files' ? await CertificateFiles.open(from, log).catch(refuse(EXIT.usage)) : kept;
    const tokens = tokenFile === null ? [] : [sharedToken(tokenFile)];
    const server = new StreamServer({
      ...{ ...listen, version: VERSION.version, log },
      certificate: certificate === null ? null : (certificate.first ?? 'later'),
      authenticate: anyOf([...tokens, ...(accounts === null ? [] : [accounts])]),
    });
    const bound = await server.listen().catch(refuse(EXIT.cannotListen));
    log.info({ event: 'streamListening', ...bound }, 'data planes may follow');
    return new TableStream(server, certificate);
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

  /** Everything is known; `leading` tells whether this replica rotates the certificate. */
  begin(leading: () => boolean): void {
    this.#certificate?.begin?.(leading);
  }

  leaderChanged(): void {
    this.#certificate?.leaderChanged?.();
  }

  *gauges(): Iterable<GaugeSample> {
    yield* this.#certificate?.gauges?.() ?? [];
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
    await this.#certificate?.close();
    await this.#server.close();
    this.#dataPlanes?.close();
  }
}

function refuse(exitCode: typeof EXIT.usage | typeof EXIT.cannotListen): (error: Error) => never {
  return ({ message }) => {
    throw new CommandError(exitCode, `error: --stream: ${message}`);
  };
}
