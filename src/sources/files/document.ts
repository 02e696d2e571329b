import { hash } from 'node:crypto';
import type { Finding } from '../../ir/finding.ts';
import type { ObjectRef, Origin } from '../../ir/origin.ts';
import { DOCUMENT_KEY, documentFileRef } from '../../resources/core/document-file.ts';
import { parseFieldPath } from '../../resources/field-path.ts';
import type { ResourceKind } from '../../resources/kinds.ts';
import { API_VERSION } from '../../resources/metadata.ts';
import type { ResourceValidators } from '../../resources/validate/validators.ts';
import type { SourcedObject } from '../source.ts';
import type { DocumentText } from './split.ts';
import { locateInYaml, parseYaml } from './yaml.ts';

/** Where an object is written: a file, a document of it, and the path of the object within the document. */
interface Place {
  readonly file: string;
  readonly source: DocumentText;
  /** Empty, or `items[0]` within a `List`. */
  readonly base: string;
}

/** One object of a document. */
export interface Entry {
  readonly ref: ObjectRef;
  readonly place: Place;
  /** null when it does not fit its schema. */
  readonly good: SourcedObject | null;
}

/** What one YAML document gave. */
export interface ParsedDocument {
  readonly source: DocumentText;
  readonly entries: readonly Entry[];
  readonly findings: readonly Finding[];
  /** Did not parse: which objects it holds is not known. */
  readonly unreadable: boolean;
}

const KINDS: ReadonlyMap<string, ResourceKind> = new Map([
  [`${API_VERSION} GatewayRoute`, 'GatewayRoute'],
  [`${API_VERSION} RateLimitPolicy`, 'RateLimitPolicy'],
  [`${API_VERSION} Consumer`, 'Consumer'],
  ['v1 Service', 'Service'],
  ['v1 Secret', 'Secret'],
  ['v1 ConfigMap', 'ConfigMap'],
  ['discovery.k8s.io/v1 EndpointSlice', 'EndpointSlice'],
]);

/** A file as the object of a finding, where no resource can be named. */
export function fileRef(file: string): ObjectRef {
  return { kind: 'File', namespace: '', name: file };
}

/** Reads one document: parses, names and validates its object, or those of a `List`. Never throws. */
export function readDocument(
  file: string,
  source: DocumentText,
  validators: ResourceValidators,
): ParsedDocument {
  const parsed = parseYaml(source.text);
  if (!parsed.ok) {
    const { line, column } = parsed.position;
    const location = { file, line: source.linesBefore + line, column };
    const origin: Origin = { object: fileRef(file), fieldPath: '', location };
    return {
      source,
      entries: [],
      findings: [{ code: 'unreadable', origin, message: parsed.message }],
      unreadable: true,
    };
  }
  const reader = new DocumentReader(file, source, validators);
  reader.read(parsed.value);
  return { source, entries: reader.entries, findings: reader.findings, unreadable: false };
}

/** A document whose text is the same, at another line: nothing is parsed again. */
export function moveDocument(document: ParsedDocument, source: DocumentText): ParsedDocument {
  const lines = source.linesBefore - document.source.linesBefore;
  return {
    source,
    unreadable: document.unreadable,
    findings: document.findings.map((finding) => ({ ...finding, origin: moveOrigin(finding.origin, lines) })),
    entries: document.entries.map(({ ref, place, good }) => {
      const moved = { ...place, source };
      return { ref, place: moved, good: good === null ? null : placed(good, moved) };
    }),
  };
}

function moveOrigin(origin: Origin, lines: number): Origin {
  if (origin.location === null) return origin;
  return { ...origin, location: { ...origin.location, line: origin.location.line + lines } };
}

/** The object with an origin that looks places up when it is asked: most never are. */
function placed(object: Omit<SourcedObject, 'origin'>, place: Place): SourcedObject {
  return {
    ...object,
    origin: (fieldPath: string) => originIn(place, object.ref, fieldPath),
  } as SourcedObject;
}

/** Where a field of an object is written. Parses the document again. */
export function originIn({ file, source, base }: Place, object: ObjectRef, fieldPath: string): Origin {
  const steps = [...parseFieldPath(base), ...parseFieldPath(fieldPath)];
  const { line, column } = locateInYaml(source.text, steps);
  return { object, fieldPath, location: { file, line: source.linesBefore + line, column } };
}

class DocumentReader {
  readonly entries: Entry[] = [];
  readonly findings: Finding[] = [];
  readonly #file: string;
  readonly #source: DocumentText;
  readonly #validators: ResourceValidators;

  constructor(file: string, source: DocumentText, validators: ResourceValidators) {
    this.#file = file;
    this.#source = source;
    this.#validators = validators;
  }

  read(value: unknown): void {
    if (value === null) return;
    if (isRecord(value) && value.apiVersion === 'v1' && value.kind === 'List' && Array.isArray(value.items)) {
      for (const [index, item] of value.items.entries()) this.#readObject(item, `items[${index}]`);
    } else {
      this.#readObject(value, '');
    }
  }

  #readObject(value: unknown, base: string): void {
    const place = { file: this.#file, source: this.#source, base };
    if (!isRecord(value)) {
      this.#invalid(
        originIn(place, fileRef(this.#file), ''),
        'must be a map with apiVersion, kind and metadata',
      );
      return;
    }
    if (base === '' && isOpenApi(value)) {
      this.#keepDocument(place);
      return;
    }
    const { apiVersion, kind } = value;
    if (typeof apiVersion !== 'string' || typeof kind !== 'string') {
      this.#invalid(originIn(place, fileRef(this.#file), ''), 'must have apiVersion and kind, both as text');
      return;
    }
    const ref = refOf(kind, value);
    const known = KINDS.get(`${apiVersion} ${kind}`);
    if (known !== undefined) {
      this.#validate(known, value, place, ref);
      return;
    }
    const origin = originIn(place, ref, '');
    this.findings.push({ code: 'unknownKind', origin, apiVersion: shorten(apiVersion), kind: shorten(kind) });
  }

  /** Not validated here: who uses it says what is wrong with it. */
  #keepDocument(place: Place): void {
    const ref = documentFileRef(this.#file);
    const { text } = this.#source;
    const metadata = { name: ref.name, namespace: ref.namespace };
    const object = {
      kind: 'ConfigMap',
      ref,
      object: { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { [DOCUMENT_KEY]: text } },
      version: hash('sha256', text, 'base64url'),
    } as const;
    this.entries.push({ ref, place, good: placed(object, place) });
  }

  #validate(kind: ResourceKind, value: object, place: Place, ref: ObjectRef): void {
    const validation = this.#validators.validate(kind, value);
    if (validation.ok) {
      const version = hash('sha256', this.#source.text, 'base64url');
      const object = { kind, ref, object: validation.value, version } as Omit<SourcedObject, 'origin'>;
      this.entries.push({ ref, place, good: placed(object, place) });
      return;
    }
    this.entries.push({ ref, place, good: null });
    for (const { fieldPath, message } of validation.errors)
      this.#invalid(originIn(place, ref, fieldPath), message);
  }

  #invalid(origin: Origin, message: string): void {
    this.findings.push({ code: 'invalid', origin, message });
  }
}

/** As well as it can be told before validation. */
function refOf(kind: string, value: Readonly<Record<string, unknown>>): ObjectRef {
  const metadata = isRecord(value.metadata) ? value.metadata : {};
  const { name, namespace } = metadata;
  return {
    kind: shorten(kind),
    namespace: typeof namespace === 'string' ? shorten(namespace) : 'default',
    name: typeof name === 'string' ? shorten(name) : '',
  };
}

function shorten(text: string): string {
  return text.length <= 253 ? text : `${text.slice(0, 252)}…`;
}

/** It says that it is one, and so is no resource. */
function isOpenApi({ openapi, kind, apiVersion }: Readonly<Record<string, unknown>>): boolean {
  return typeof openapi === 'string' && kind === undefined && apiVersion === undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
