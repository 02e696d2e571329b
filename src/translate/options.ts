import type { Origin } from '../ir/origin.ts';
import type { PolicyRef } from '../ir/route.ts';
import type { AddressRules } from '../lib/target-address.ts';
import type { PolicyCatalogue } from '../pipeline/policy.ts';
import type { NamespaceRules } from './namespaces.ts';

export interface ServiceAddressing {
  readonly by: 'endpoints' | 'name';
  /** The end of their names: `cluster.local`. */
  readonly clusterDomain: string;
}

/** What backends may be besides Services of the cluster. */
export interface BackendRules extends AddressRules {
  /** Backends by URL or by address list. */
  readonly allowUrls: boolean;
  /** Services of type ExternalName. */
  readonly allowExternalNames: boolean;
  /** How Services are reached where a backend does not say; absent: by their endpoints. */
  readonly services?: ServiceAddressing;
  /** Services of other namespaces. */
  readonly crossNamespace: NamespaceRules;
}

/** A Secret that a listener has a certificate from. */
export interface CertificateRef {
  readonly listener: string;
  /** In the listener's list, from 0. */
  readonly place: number;
  readonly name: string;
  /** null: that of the policies. */
  readonly namespace: string | null;
  readonly origin: Origin;
}

/** What translation knows besides the resources. It does not change while the program runs. */
export interface TranslateOptions {
  /** Names of the listeners that there are. */
  readonly listeners: readonly string[];
  readonly catalogue: PolicyCatalogue;
  /** Policies of every route, already validated; what they refer to is not found yet. */
  readonly globalPolicies: readonly PolicyRef[];
  /** Where it is found: Secrets, ConfigMaps, RateLimitPolicies and Consumers. Absent: `default`. */
  readonly policyNamespace?: string;
  /** What listeners with TLS show to clients; absent: there are none. */
  readonly certificates?: readonly CertificateRef[];
  readonly backends: BackendRules;
}
