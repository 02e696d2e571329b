import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';
import type { PublishedState } from '../../control/published.ts';
import type { ClusterIr, EndpointsIr } from '../../ir/cluster.ts';
import type { ConsumerIr } from '../../ir/consumer.ts';
import type { GatewayIr } from '../../ir/gateway.ts';
import type { RouteIr } from '../../ir/route.ts';
import type { SecretIr } from '../../ir/secret.ts';

const FILE = 'table.ndjson';
const LINES_PER_WRITE = 256;

/** The first line of the file. */
interface Header {
  readonly savedAt: string;
  /** Of the program: the IR of another version may mean something else. */
  readonly version: string;
  readonly lines: number;
}

type Line =
  | { readonly route: RouteIr }
  | { readonly cluster: ClusterIr }
  | { readonly endpoints: EndpointsIr }
  | { readonly secret: SecretIr }
  | { readonly consumer: ConsumerIr };

export interface TableContent {
  readonly savedAt: string;
  readonly ir: GatewayIr;
  readonly endpoints: readonly EndpointsIr[];
  readonly secrets: readonly SecretIr[];
  readonly consumers: readonly ConsumerIr[];
}

/**
 * The last good table as a file, a line of JSON for each of its parts: readable after a crash at any moment, since a
 * new one is written beside it and takes its place when it is whole. It holds the secrets that routes name: without them
 * those routes would be closed after a restart. So nobody but its owner may read it (docs/adr/0010).
 */
export class SavedTable {
  readonly #folder: string;
  readonly #version: string;

  constructor(folder: string, version: string) {
    this.#folder = folder;
    this.#version = version;
  }

  /** @throws Error when it can't be written; the one from before stands then. */
  async save(state: PublishedState): Promise<void> {
    const { routes, clusters } = state.ir;
    const lines: readonly Line[] = [
      ...routes.map((route) => ({ route })),
      ...clusters.map((cluster) => ({ cluster })),
      ...state.endpoints.map((endpoints) => ({ endpoints })),
      ...state.secrets.map((secret) => ({ secret })),
      ...state.consumers.map((consumer) => ({ consumer })),
    ];
    const header: Header = {
      savedAt: new Date().toISOString(),
      version: this.#version,
      lines: lines.length,
    };
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const path = join(this.#folder, FILE);
    const draft = `${path}.new`;
    const file = await open(draft, 'w', 0o600);
    try {
      await file.write(`${JSON.stringify(header)}\n`);
      for (let at = 0; at < lines.length; at += LINES_PER_WRITE) {
        const part = lines.slice(at, at + LINES_PER_WRITE).map((line) => `${JSON.stringify(line)}\n`);
        await file.write(part.join(''));
        await setImmediate();
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path).catch(async (error: unknown) => {
      await rm(draft, { force: true });
      throw error;
    });
  }

  /** null when there is none, or none that this version of the program can read. */
  async load(): Promise<TableContent | null> {
    const routes: RouteIr[] = [];
    const clusters: ClusterIr[] = [];
    const endpoints: EndpointsIr[] = [];
    const secrets: SecretIr[] = [];
    const consumers: ConsumerIr[] = [];
    let header: Header | null = null;
    let lines = 0;
    try {
      const input = createReadStream(join(this.#folder, FILE), 'utf8');
      for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
        if (header === null) {
          header = JSON.parse(text) as Header;
          if (header.version !== this.#version) return null;
          continue;
        }
        const line = JSON.parse(text) as Line;
        if ('route' in line) routes.push(line.route);
        else if ('cluster' in line) clusters.push(line.cluster);
        else if ('secret' in line) secrets.push(line.secret);
        else if ('consumer' in line) consumers.push(line.consumer);
        else endpoints.push(line.endpoints);
        lines += 1;
      }
    } catch {
      return null;
    }
    if (header === null || header.lines !== lines) return null;
    return { savedAt: header.savedAt, ir: { routes, clusters }, endpoints, secrets, consumers };
  }
}
