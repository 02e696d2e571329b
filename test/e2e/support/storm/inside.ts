/**
 * Runs in a network namespace whose addresses of 10.250.0.0/16 are its own: `node inside.ts UPDATES_PER_SECOND SECONDS
 * FAULTS`. An API server, 10,000 routes to 1,000 Services of 20 endpoints, `portreeve controller`, requests, and a storm of
 * EndpointSlices, in which the watch of them breaks for each FAULT: `cut`, or `forget` when the past is forgotten besides. Prints a {@link StormReport} in JSON.
 */
import http from 'node:http';
import { fileURLToPath } from 'node:url';
import { ApiServer } from '../api-server.ts';
import { Program } from '../process.ts';
import { TempFolder } from '../temp-folder.ts';
import { sleep, until } from '../wait.ts';
import { blow, type StormResult } from './blow.ts';
import { addressesAt, ENDPOINT_PORT, sliceOf } from './objects.ts';

export interface StormReport {
  readonly storm: StormResult;
  /** 99th percentiles of event loops, in milliseconds. */
  readonly controlDelayMs: number;
  readonly threadDelayMs: number;
  /** How often a list or a watch of slices has failed. */
  readonly failedWatches: number;
  /** Exit code of the gateway. */
  readonly code: number | null;
}

const MAIN = fileURLToPath(new URL('../../../../src/main.ts', import.meta.url));
const NAMESPACE = 'storm';
const ROUTES = 10_000;
const SERVICES = 1_000;
const CHANGING = Array.from({ length: 200 }, (_, index) => 100 + index);

const [updatesPerSecond, seconds, ...faults] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });

function get(at: number, path: string, host: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const options = { agent, host: '127.0.0.1', port: at, path, headers: { host } };
    const request = http.get(options, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    request.on('error', reject);
  });
}

class World {
  readonly api: ApiServer;
  readonly #folder: TempFolder;
  readonly program: Program;
  #port = 0;
  #adminPort = 0;

  constructor(api: ApiServer) {
    this.api = api;
    const settings = 'accessLog: { disabled: {} }\n';
    this.#folder = new TempFolder({ kubeconfig: api.kubeconfig, 'portreeve.yaml': settings });
    const { path } = this.#folder;
    this.program = new Program(process.execPath, [
      ...[MAIN, 'controller', '--identity', 'storm'],
      ...['--kubeconfig', `${path}/kubeconfig`, '--config-file', `${path}/portreeve.yaml`],
      ...['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--threads', '2'],
    ]);
  }

  async ready(): Promise<void> {
    const line = () => this.program.stderr.split('\n').find((one) => one.includes('"event":"ready"'));
    const there = () => line() !== undefined || this.program.exit !== null;
    await until(there, `the controller is ready\n${this.program.output}`, 120_000);
    if (line() === undefined) throw new Error(this.program.output);
    const ready = JSON.parse(line()!) as { listeners: { port: number }[]; adminPort: number };
    this.#port = ready.listeners[0]!.port;
    this.#adminPort = ready.adminPort;
  }

  ask(service: number): Promise<{ status: number; body: string }> {
    return get(this.#port, '/', `r${service}.example.com`);
  }

  /** The largest value of a metric. */
  async metric(name: string): Promise<number> {
    const { body } = await get(this.#adminPort, '/metrics', '127.0.0.1');
    const lines = body
      .split('\n')
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
    return Math.max(...lines.map((line) => Number(line.slice(line.lastIndexOf(' ') + 1))));
  }

  /** Since the last call. */
  async controlDelayMs(): Promise<number> {
    return 1_000 * (await this.metric('nodejs_eventloop_lag_p99_seconds'));
  }

  async stop(): Promise<number | null> {
    agent.destroy();
    this.program.kill('SIGTERM');
    const { code } = await this.program.exited(60_000);
    this.#folder.delete();
    return code;
  }
}

function putSlice(api: ApiServer, service: number, addresses: readonly string[]): void {
  const { metadata, ...slice } = sliceOf(service, addresses);
  api.put('endpointslices', { ...slice, metadata: { ...metadata, namespace: NAMESPACE } });
}

function fill(api: ApiServer): void {
  for (let index = 0; index < SERVICES; index++) {
    const metadata = { name: `s${index}`, namespace: NAMESPACE };
    const spec = { ports: [{ name: 'http', port: 80, protocol: 'TCP' }] };
    api.put('services', { apiVersion: 'v1', kind: 'Service', metadata, spec });
    putSlice(api, index, addressesAt(index, 0));
  }
  for (let index = 0; index < ROUTES; index++) {
    const backends = [{ service: { name: `s${index % SERVICES}`, port: 'http' } }];
    api.put('gatewayroutes', {
      ...{ apiVersion: 'portreeve.dev/v1alpha1', kind: 'GatewayRoute' },
      metadata: { name: `r${index}`, namespace: NAMESPACE },
      spec: { hosts: [`r${index}.example.com`], rules: [{ backends }] },
    });
  }
}

async function inflict(api: ApiServer): Promise<void> {
  for (const fault of faults) {
    await sleep((1_000 * Number(seconds)) / (faults.length + 1));
    if (fault === 'forget') api.forget();
    api.cut('endpointslices');
  }
}

async function measure(world: World): Promise<Omit<StormReport, 'code'>> {
  const { api, program } = world;
  await world.controlDelayMs();
  const [storm] = await Promise.all([
    blow({
      services: CHANGING,
      updatesPerSecond: Number(updatesPerSecond),
      seconds: Number(seconds),
      write: async (service, addresses) => putSlice(api, service, addresses),
      ask: (service) => world.ask(service),
    }),
    inflict(api),
  ]);
  const failed = program.stderr.split('\n').filter((line) => line.includes('"event":"sourceFailed"'));
  return {
    storm,
    controlDelayMs: await world.controlDelayMs(),
    threadDelayMs: await world.metric('gateway_thread_event_loop_delay_p99_ms'),
    failedWatches: failed.filter((line) => line.includes('"kind":"EndpointSlice"')).length,
  };
}

// Answers with the address that it was asked at.
const backend = http.createServer((request, response) => response.end(request.socket.localAddress));
await new Promise<void>((resolve) => backend.listen(ENDPOINT_PORT, '0.0.0.0', resolve));
const api = await ApiServer.start();
fill(api);
const world = new World(api);
try {
  await world.ready();
  const measured = await measure(world);
  const report: StormReport = { ...measured, code: await world.stop() };
  process.stdout.write(`${JSON.stringify(report)}\n`);
} finally {
  world.program.kill('SIGKILL');
  await api.stop();
  backend.close();
  backend.closeAllConnections();
}
