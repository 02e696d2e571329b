import { dirname, resolve } from 'node:path';
import { objectKey } from '../ir/origin.ts';
import type { PolicyRef } from '../ir/route.ts';
import type { SecretName } from '../ir/secret.ts';
import type { DocumentRef, PolicyCatalogue, ResolveContext, SecretRef } from '../pipeline/policy.ts';
import { DOCUMENT_KEY, documentFileRef } from '../resources/core/document-file.ts';
import type { Secret } from '../resources/core/secret.ts';
import { type PolicyEntry, type ReadEntry, readPolicyEntry } from '../resources/gateway-route/schema.ts';
import { documentOf } from './documents.ts';
import type { Report } from './report.ts';
import { secretText } from './secrets.ts';

const NONE: readonly PolicyRef[] = [];

export interface PolicyContext {
  readonly namespace: string;
  readonly catalogue: PolicyCatalogue;
  readonly report: Report;
  /** `spec` of an object, data of a ConfigMap, by its key; null when it is not there. */
  readonly referred: (key: string) => unknown;
  /** A Secret, by its key; null when it is not there. */
  readonly secret: (key: string) => Secret | null;
  /** Texts of the secrets that were asked for, by their keys: this puts them there. */
  readonly secrets: Map<string, string>;
}

/**
 * The policies of one list. Their configuration was validated with the object; what is left is to find them, and what
 * they refer to.
 */
export function translatePolicies(
  entries: readonly PolicyEntry[] | undefined,
  at: string,
  context: PolicyContext,
): readonly PolicyRef[] {
  if (entries === undefined) return NONE;
  return entries.flatMap(
    (entry, index) => translatePolicy(readPolicyEntry(entry), `${at}[${index}]`, context) ?? [],
  );
}

/** One of them; null when there is nothing to be had of it. */
export function translatePolicy(
  { name, config, shadow }: ReadEntry,
  at: string,
  context: PolicyContext,
): PolicyRef | null {
  const { catalogue, report } = context;
  const spec = catalogue.get(name);
  if (spec === undefined) {
    const message = `there is no such policy; known are: ${[...catalogue.keys()].join(', ') || 'none'}`;
    report.fault(at, { code: 'policyRefused', policy: name, message });
    return null;
  }
  const own = shadow ? report.aside() : report;
  const resolving = resolveContext(`${at}.${name}`, { ...context, report: own }, shadow);
  const resolved = spec.resolve?.(config, resolving) ?? config;
  // A shadow that lacks something is left out: it is told, and the rule stays open.
  if (shadow && own.incomplete) return null;
  return { name, config: resolved, origin: report.place(at), ...(shadow ? { shadow: true as const } : {}) };
}

function resolveContext(at: string, context: PolicyContext, shadow: boolean): ResolveContext {
  const { namespace, report } = context;
  return {
    id: `${shadow ? 'shadow ' : ''}${objectKey(report.place('').object)} ${at}`,
    shadow,
    namespace,
    referred: (kind, name, field) => {
      const ref = { kind, namespace, name };
      const spec = context.referred(objectKey(ref));
      if (spec === null) report.missing(`${at}.${field}`, { code: 'referenceNotFound', ref });
      return spec;
    },
    secret: (ref, field, check) => findSecret(ref, `${at}.${field}`, check, context),
    document: (ref, field) => findDocument(ref, `${at}.${field}`, context),
    file: (path, field) => findFile(path, `${at}.${field}`, context),
  };
}

function findDocument(
  { name, key }: DocumentRef,
  at: string,
  { namespace, report, referred }: PolicyContext,
): object | null {
  const ref = { kind: 'ConfigMap', namespace, name };
  const data = referred(objectKey(ref)) as Readonly<Record<string, string>> | null;
  if (data === null) {
    report.missing(`${at}.name`, { code: 'referenceNotFound', ref });
    return null;
  }
  const text = Object.hasOwn(data, key) ? data[key]! : null;
  const found = text === null ? ({ ok: false, message: `has no key "${key}"` } as const) : documentOf(text);
  if (found.ok) return found.value;
  const what = text === null ? objectKey(ref) : `${objectKey(ref)}, ${key}:`;
  report.missing(`${at}.key`, { code: 'invalid', message: `${what} ${found.message}` });
  return null;
}

/** Only what the source of the folder has read can be found: a path that leads out of it leads to nothing. */
function findFile(path: string, at: string, { report, referred }: PolicyContext): object | null {
  const { location } = report.place('');
  if (location === null) {
    const message = 'is for objects that are read from a folder: use configMapRef';
    report.missing(at, { code: 'invalid', message });
    return null;
  }
  const ref = documentFileRef(resolve(dirname(location.file), path));
  const data = referred(objectKey(ref)) as Readonly<Record<string, string>> | null;
  if (data === null) {
    const message = `there is no OpenAPI document ${path} in the folder that is served`;
    report.missing(at, { code: 'invalid', message });
    return null;
  }
  const found = documentOf(data[DOCUMENT_KEY]!);
  if (found.ok) return found.value;
  report.missing(at, { code: 'invalid', message: `${path} ${found.message}` });
  return null;
}

function findSecret(
  { name, key }: SecretRef,
  at: string,
  check: ((text: string) => string | null) | undefined,
  { namespace, report, secret, secrets }: PolicyContext,
): SecretName | null {
  const ref = { kind: 'Secret', namespace, name };
  const object = secret(objectKey(ref));
  if (object === null) {
    report.missing(`${at}.name`, { code: 'referenceNotFound', ref });
    return null;
  }
  const found = secretText(object, key);
  const message = found.ok ? (check?.(found.text) ?? null) : found.message;
  if (message !== null || !found.ok) {
    report.missing(`${at}.key`, { code: 'secretRefused', ref, message: message ?? '' });
    return null;
  }
  const id = `${objectKey(ref)}/${key}`;
  secrets.set(id, found.text);
  return { secret: id };
}

/**
 * A kind of policy in `inner` takes the place of every policy of that kind in `outer`. A shadow only takes that of shadows:
 * what acts goes on to act.
 */
export function mergePolicies(
  outer: readonly PolicyRef[],
  inner: readonly PolicyRef[],
): readonly PolicyRef[] {
  if (inner.length === 0) return outer;
  const overridden = new Set(inner.map(({ name }) => name));
  const acting = new Set(inner.filter(({ shadow }) => shadow !== true).map(({ name }) => name));
  const left = outer.filter(({ name, shadow }) => !(shadow === true ? overridden : acting).has(name));
  return [...left, ...inner];
}
