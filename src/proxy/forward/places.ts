import type { UpstreamCluster } from '../upstream/cluster.ts';
import type { Endpoint } from '../upstream/endpoint.ts';

/** What one forwarded request counts as, while it lasts: each place is given back once, however it ends. */
export class Places {
  #cluster: UpstreamCluster | null = null;
  #endpoint: Endpoint | null = null;
  #inBudget = false;

  /** One of the cluster's requests. */
  enterCluster(cluster: UpstreamCluster): void {
    this.#cluster = cluster;
    cluster.budget.requests++;
  }

  /** One of the endpoint's active requests. */
  enterEndpoint(endpoint: Endpoint): void {
    this.#endpoint = endpoint;
    endpoint.active++;
  }

  get inEndpoint(): boolean {
    return this.#endpoint !== null;
  }

  leaveEndpoint(): void {
    if (this.#endpoint === null) return;
    this.#endpoint.active--;
    this.#endpoint = null;
  }

  /** One of the cluster's retries; false when `share` of its requests are retries already. */
  takeRetry(share: number): boolean {
    if (!this.#inBudget) this.#inBudget = this.#cluster?.budget.take(share) ?? false;
    return this.#inBudget;
  }

  giveRetry(): void {
    if (!this.#inBudget) return;
    this.#inBudget = false;
    this.#cluster?.budget.give();
  }

  leaveAll(): void {
    this.leaveEndpoint();
    this.giveRetry();
    if (this.#cluster === null) return;
    this.#cluster.budget.requests--;
    this.#cluster = null;
  }
}
