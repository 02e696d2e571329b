import { isDeepStrictEqual } from 'node:util';
import { describeFinding } from '../ir/describe.ts';
import type { Finding } from '../ir/finding.ts';
import type { PolicyRef } from '../ir/route.ts';
import type { Secret } from '../resources/core/secret.ts';
import type { TranslateOptions } from './options.ts';
import { translatePolicy } from './policies.ts';
import { Report } from './report.ts';

/** Policies of every route, with what they refer to. */
export interface GlobalRefs {
  readonly refs: readonly PolicyRef[];
  /** Those of `refs` that can't be built, and why: a rule that has one of them is closed. */
  readonly bad: ReadonlyMap<PolicyRef, string>;
}

export const NO_GLOBALS: GlobalRefs = { refs: [], bad: new Map() };

interface Surroundings {
  referred(key: string): unknown;
  secret(key: string): Secret | null;
}

/** What a change of them means for the secrets: texts by key. */
export interface GlobalChange {
  /** Routes must be translated again. */
  readonly isNew: boolean;
  readonly secretsBefore: ReadonlyMap<string, string>;
  readonly secretsAfter: ReadonlyMap<string, string>;
}

/** The policies of every route, which stand in the gateway's own configuration, and refer to objects of one namespace. */
export class GlobalPolicies {
  readonly #options: TranslateOptions;
  readonly #surroundings: Surroundings;
  readonly #dependencies = new Set<string>();
  #current: GlobalRefs = NO_GLOBALS;
  #findings: readonly Finding[] = [];
  #secrets: ReadonlyMap<string, string> = new Map();

  constructor(options: TranslateOptions, surroundings: Surroundings) {
    this.#options = options;
    this.#surroundings = surroundings;
    this.refresh();
  }

  get current(): GlobalRefs {
    return this.#current;
  }

  get findings(): readonly Finding[] {
    return this.#findings;
  }

  /** Whether they refer to that object, there or not. */
  dependsOn(key: string): boolean {
    return this.#dependencies.has(key);
  }

  /** Translates them again, because something that they refer to has changed. */
  refresh(): GlobalChange {
    const before = this.#current;
    const secretsBefore = this.#secrets;
    const secrets = new Map<string, string>();
    const bad = new Map<PolicyRef, string>();
    const findings: Finding[] = [];
    const refs = this.#options.globalPolicies.flatMap((given) => {
      const report = new Report({ origin: (fieldPath) => ({ ...given.origin, fieldPath }) });
      const ref = this.#translate(given, report, secrets);
      findings.push(...report.findings);
      if (ref !== null && report.incomplete) {
        bad.set(ref, report.findings.map((finding) => describeFinding(finding).message).join('; '));
      }
      return ref ?? [];
    });
    this.#findings = findings;
    this.#secrets = secrets;
    const badNow = [...bad.values()];
    const isNew =
      !isDeepStrictEqual(before.refs, refs) || !isDeepStrictEqual([...before.bad.values()], badNow);
    if (isNew) this.#current = { refs, bad };
    return { isNew, secretsBefore, secretsAfter: secrets };
  }

  #translate(given: PolicyRef, report: Report, secrets: Map<string, string>): PolicyRef | null {
    const { catalogue, policyNamespace = 'default' } = this.#options;
    const entry = { name: given.name, config: given.config, shadow: given.shadow === true };
    return translatePolicy(entry, given.origin.fieldPath, {
      ...{ catalogue, report, secrets, namespace: policyNamespace },
      referred: (key) => {
        this.#dependencies.add(key);
        return this.#surroundings.referred(key);
      },
      secret: (key) => {
        this.#dependencies.add(key);
        return this.#surroundings.secret(key);
      },
    });
  }
}
