/** A policy that waits for the whole of a body. */
export interface Reader {
  readonly maxBytes: number;
  readonly resolve: (bytes: Uint8Array | null) => void;
  readonly reject: (error: Error) => void;
}

/** Whoever asked may have gone without waiting. */
export function unheeded<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
