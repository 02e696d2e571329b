import type { Finding } from '../ir/finding.ts';
import type { Origin } from '../ir/origin.ts';
import type { InputObject } from './input.ts';

type WithoutOrigin<F> = F extends Finding ? Omit<F, 'origin'> : never;
type FindingBody = WithoutOrigin<Finding>;

/** What findings are about. */
type Reported = Pick<InputObject, 'origin'>;

/** Collects what is found in one object, or in a part of it, while it is translated. */
export class Report {
  readonly findings: Finding[] = [];
  /** Those of the findings that only an edit of this object mends. */
  readonly faults: Finding[] = [];
  /** It needs another object that is not there. */
  incomplete = false;
  readonly #object: Reported;
  readonly #parent: Report | null;
  readonly #isAside: boolean;
  #whole: Origin | null = null;

  constructor(object: Reported, parent: Report | null = null, isAside = false) {
    this.#object = object;
    this.#parent = parent;
    this.#isAside = isAside;
  }

  /**
   * The part itself is wrong: its object's last good version is to be preferred. A reference to something
   * that is not there is no such fault: it may come, and it may go.
   */
  get faulty(): boolean {
    return this.faults.length > 0;
  }

  /** For a part of the object. Its findings and faults are the object's as well. */
  child(): Report {
    return new Report(this.#object, this);
  }

  /** For a part without which the object can do: what is found there is told, but closes nothing. */
  aside(): Report {
    return new Report(this.#object, this, true);
  }

  /** Something that only an edit of this object mends. */
  fault(fieldPath: string, finding: FindingBody): void {
    const found = this.#add(fieldPath, finding);
    for (let report: Report | null = this; report !== null; report = report.#isAside ? null : report.#parent)
      report.faults.push(found);
  }

  /** Another object has to come before this part can be served. */
  missing(fieldPath: string, finding: FindingBody): void {
    this.#add(fieldPath, finding);
    this.incomplete = true;
  }

  /** Something that depends on other objects, or that does no harm. */
  note(fieldPath: string, finding: FindingBody): void {
    this.#add(fieldPath, finding);
  }

  /**
   * Where a field is, for the IR: its path, and the place of the whole object. To find the place of every field
   * in the text would cost more than the translation; `Translator.locate` does it for those that are shown.
   */
  place(fieldPath: string): Origin {
    this.#whole ??= this.#parent?.place('') ?? this.#object.origin('');
    return { ...this.#whole, fieldPath };
  }

  #add(fieldPath: string, finding: FindingBody): Finding {
    const found = { origin: this.#object.origin(fieldPath), ...finding } as Finding;
    for (let report: Report | null = this; report !== null; report = report.#parent)
      report.findings.push(found);
    return found;
  }
}
