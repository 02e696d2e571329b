/**
 * A typed place on every exchange for one policy's per-request state. Made once per policy at module
 * level; the index makes reading it an array access, and nobody else can hold the key.
 */
export interface Slot<T> {
  readonly index: number;
  readonly name: string;
  /** Never set; carries the type. */
  readonly type?: T;
}

let nextIndex = 0;

/** @public Policies make theirs with it. */
export function createSlot<T>(name: string): Slot<T> {
  return { index: nextIndex++, name };
}
