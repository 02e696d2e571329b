import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { ServerCertificate } from '../../control/remote/stream-server.ts';
import type { ProgramLog } from '../../observe/log.ts';
import type { GaugeSample } from '../../observe/metrics-page.ts';

/** Where the certificate that data planes are shown comes from. */
export interface StreamCertificate {
  /** null: it comes later. */
  readonly first: ServerCertificate | null;
  /** `show` is given each one that takes its place. */
  follow(show: (certificate: ServerCertificate) => void): void;
  /** Everything is known; `leading` tells whether this replica rotates it. */
  begin?(leading: () => boolean): void;
  leaderChanged?(): void;
  gauges?(): Iterable<GaugeSample>;
  close(): Promise<void>;
}

/** Certificates are replaced in place; what is mounted from a Secret follows it within a minute anyway. */
const RELOAD_MS = 30_000;

interface FileNames {
  readonly cert: string;
  readonly key: string;
}

/** A certificate in files that others replace. */
export class CertificateFiles implements StreamCertificate {
  readonly first: ServerCertificate;
  readonly #files: FileNames;
  readonly #log: ProgramLog;
  #served: ServerCertificate;
  #timer: NodeJS.Timeout | undefined;

  private constructor(files: FileNames, first: ServerCertificate, log: ProgramLog) {
    this.#files = files;
    this.first = first;
    this.#served = first;
    this.#log = log;
  }

  /** @throws Error when they can't be read or don't fit. */
  static async open(files: FileNames, log: ProgramLog): Promise<CertificateFiles> {
    return new CertificateFiles(files, await readCertificate(files), log);
  }

  follow(show: (certificate: ServerCertificate) => void): void {
    const failed = ({ message }: Error): void =>
      this.#log.error(
        { event: 'streamCertificate', error: message },
        'the certificate for data planes can not be read',
      );
    this.#timer = setInterval(() => void this.#look(show).catch(failed), RELOAD_MS).unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
  }

  async #look(show: (certificate: ServerCertificate) => void): Promise<void> {
    const found = await readCertificate(this.#files);
    if (found.cert === this.#served.cert) return;
    this.#served = found;
    show(found);
    this.#log.info({ event: 'streamCertificate' }, 'data planes are shown a new certificate');
  }
}

async function readCertificate(files: FileNames): Promise<ServerCertificate> {
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
