import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chart, imageValues, loadPortreeve, type Values, valueArguments } from '../chart/support.ts';
import {
  backendObjects,
  type Cluster,
  customResourcesEstablished,
  fetchInside,
  type InsideReply,
  startCluster,
  waitUntil,
} from '../index.ts';
import { type Load, type LoadOptions, startLoad } from './load.ts';
import { routeObject, toService } from './objects.ts';

export const RELEASE = 'gate';
export const NAME = `${RELEASE}-portreeve`;
/** The pods that serve. */
export const REPLICAS = `app.kubernetes.io/instance=${RELEASE},app.kubernetes.io/name=portreeve`;
/** The controllers, where they run apart. */
export const CONTROLLERS = `app.kubernetes.io/instance=${RELEASE},app.kubernetes.io/name=portreeve-controller`;
export const BACKEND_HOST = 'echo.example.com';

export type Status = Readonly<Record<string, string>>;

/**
 * Portreeve as the chart installs it, two replicas behind a Service, in a namespace with a backend `echo` of three pods and a
 * route to it for {@link BACKEND_HOST}.
 */
export class Gate {
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly #values: Values;
  #address = '';

  private constructor(cluster: Cluster, namespace: string, values: Values) {
    this.cluster = cluster;
    this.namespace = namespace;
    this.#values = {
      ...imageValues,
      service: { type: 'ClusterIP' },
      resources: { requests: { cpu: '10m' } },
      ...values,
    };
  }

  /** `before`: what happens once the namespace is there, and before Portreeve is. */
  static async install(
    namespace: string,
    values: Values = {},
    before: (gate: Gate) => Promise<unknown> = async () => {},
  ): Promise<Gate> {
    const cluster = await startCluster();
    const gate = new Gate(cluster, namespace, values);
    try {
      await gate.#install(before);
    } catch (error) {
      await gate.remove();
      throw error;
    }
    return gate;
  }

  async #install(before: (gate: Gate) => Promise<unknown>): Promise<void> {
    const { cluster, namespace } = this;
    const scratch = mkdtempSync(join(tmpdir(), 'portreeve-survive-'));
    try {
      await loadPortreeve(cluster, scratch);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    await cluster.kubectl('apply', '--server-side', '--force-conflicts', '-f', join(chart, 'crds'));
    await customResourcesEstablished(cluster);
    // The delay is what a preStop hook is for: a server that closes a kept connection while a request is on its way loses it.
    const env = { DRAIN_DELAY_MS: '2000' };
    await cluster.apply(...backendObjects({ name: 'echo', namespace, replicas: 3, env }));
    await before(this);
    const where = ['--namespace', namespace, '--skip-crds', '--wait', '--timeout=180s'];
    await cluster.helm('install', RELEASE, chart, ...where, ...valueArguments(this.#values));
    await this.kubectl('rollout', 'status', 'deployment/echo', '--timeout=180s');
    this.#address = await this.kubectl('get', 'service', NAME, '-o', 'jsonpath={.spec.clusterIP}');
    await cluster.apply(routeObject(namespace, 'echo', [toService('echo')]));
    await this.kubectl('wait', '--for=condition=Programmed', 'gatewayroute/echo', '--timeout=180s');
  }

  /** Takes away all that was put into the cluster, which may stay up. */
  async remove(): Promise<void> {
    const { cluster, namespace } = this;
    await cluster.helm('uninstall', RELEASE, '--namespace', namespace, '--ignore-not-found', '--wait');
    await cluster.kubectl('delete', 'namespace', namespace, '--ignore-not-found', '--wait=false');
    await cluster.stop();
  }

  /** Another release beside it, over the same objects; resolves once it is ready. */
  async second(): Promise<{ remove(): Promise<unknown> }> {
    const { cluster } = this;
    const release = ['second', '--namespace', this.namespace];
    const values = valueArguments({ ...this.#values, replicas: 1, webhook: { enabled: false } });
    await cluster.helm('install', ...release, chart, '--skip-crds', '--wait', '--timeout=180s', ...values);
    return { remove: () => cluster.helm('uninstall', ...release, '--wait') };
  }

  /** `helm upgrade` with these values over those of {@link install}; resolves once all pods are ready. */
  async upgrade(values: Values): Promise<void> {
    const where = ['--namespace', this.namespace, '--skip-crds', '--wait', '--timeout=180s'];
    const all = valueArguments({ ...this.#values, ...values });
    await this.cluster.helm('upgrade', RELEASE, chart, ...where, ...all);
  }

  /** Of the Service. */
  get address(): string {
    return this.#address;
  }

  kubectl(...args: readonly string[]): Promise<string> {
    return this.cluster.kubectl('--namespace', this.namespace, ...args);
  }

  load(ratePerSecond: number, more: Partial<LoadOptions> = {}): Promise<Load> {
    const url = `http://${this.#address}/`;
    return startLoad(this.cluster, { url, host: BACKEND_HOST, ratePerSecond, ...more });
  }

  /** What one replica answers, chosen by kube-proxy. */
  async status(name: string): Promise<number> {
    const headers = { host: `${name}.example.com` };
    return (await fetchInside(this.cluster, `http://${this.#address}/`, { headers }))[0]!.status;
  }

  /** Name and address of the ready replicas. */
  async replicas(): Promise<readonly { readonly name: string; readonly address: string }[]> {
    return await this.pods(REPLICAS);
  }

  async pods(selector: string): Promise<readonly { readonly name: string; readonly address: string }[]> {
    const { items } = JSON.parse(await this.kubectl('get', 'pods', '-l', selector, '-o', 'json')) as PodList;
    return items
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map(({ metadata, status }) => ({ name: metadata.name, address: status.podIP ?? '' }));
  }

  /** What one replica answers itself. */
  async statusFrom(
    address: string,
    name: string,
    more: Readonly<Record<string, string>> = {},
  ): Promise<number> {
    const headers = { host: `${name}.example.com`, ...more };
    return (await fetchInside(this.cluster, `http://${address}:8080/`, { headers }))[0]!.status;
  }

  /** A metric of each replica; of several series with the name, the largest. */
  async metric(name: string): Promise<readonly number[]> {
    return await Promise.all((await this.replicas()).map(({ address }) => this.metricOf(address, name)));
  }

  /** A metric of one pod, as {@link metric}. */
  async metricOf(address: string, name: string): Promise<number> {
    const { body } = await this.admin(address, '/metrics');
    const lines = body
      .split('\n')
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
    return Math.max(0, ...lines.map((line) => Number(line.slice(line.lastIndexOf(' ') + 1))));
  }

  /** A page of one pod's admin server. */
  async admin(address: string, page: string): Promise<InsideReply> {
    return (await fetchInside(this.cluster, `http://${address}:9901${page}`))[0]!;
  }

  /** All pods of a selector replaced, and those that were there before gone. */
  async replaced(selector: string, act: () => Promise<unknown>): Promise<void> {
    const before = await this.pods(selector);
    await act();
    await waitUntil(
      async () => {
        const names = (await this.kubectl('get', 'pods', '-l', selector, '-o', 'name')).split('\n');
        return before.every(({ name }) => !names.includes(`pod/${name}`));
      },
      { what: `the old pods of ${selector} to be gone`, intervalMs: 500 },
    );
  }

  async restart(deployment: string): Promise<void> {
    await this.kubectl('rollout', 'restart', `deployment/${deployment}`);
    await this.kubectl('rollout', 'status', `deployment/${deployment}`, '--timeout=180s');
  }

  /** Kills the container of a pod on this machine with -9, and waits until it has started again and is ready. */
  async killContainer(pod: string): Promise<void> {
    const restarts = () => this.kubectl('get', 'pod', pod, '-o', 'jsonpath={..restartCount}');
    const before = Number(await restarts());
    process.kill(processOf(pod), 'SIGKILL');
    await waitUntil(async () => Number(await restarts()) > before, { what: 'the container to start again' });
    await this.kubectl('wait', '--for=condition=Ready', `pod/${pod}`, '--timeout=180s');
  }

  /** Conditions of a route, as `Accepted` to `True`. */
  async conditions(name: string): Promise<Status> {
    const text = await this.kubectl('get', 'gatewayroute', name, '-o', 'json');
    const { status } = JSON.parse(text) as { status?: { conditions?: { type: string; status: string }[] } };
    return Object.fromEntries((status?.conditions ?? []).map((one) => [one.type, one.status]));
  }

  async leader(): Promise<string> {
    const name = `${this.namespace}-${NAME}`;
    return await this.kubectl('get', 'lease', name, '-o', 'jsonpath={.spec.holderIdentity}').catch(() =>
      this.kubectl('get', 'lease', NAME, '-o', 'jsonpath={.spec.holderIdentity}'),
    );
  }
}

/** Host pid of the first process of a pod's container, by the name that Kubernetes gives it. */
function processOf(pod: string): number {
  const found = readdirSync('/proc').filter((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    try {
      return readFileSync(`/proc/${entry}/environ`, 'latin1').split('\0').includes(`HOSTNAME=${pod}`);
    } catch {
      return false; // gone meanwhile
    }
  });
  if (found.length === 0) throw new Error(`no process of ${pod}`);
  return Number(found[0]);
}

interface PodList {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
    readonly status: { readonly podIP?: string };
  }[];
}
