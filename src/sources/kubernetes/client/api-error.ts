/** An answer of the API server that is not a success, or a `Status` within a watch. */
export class ApiError extends Error {
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** The API server's word for it: `Expired`, `Conflict`, `NotFound`. */
  readonly reason: string;
  /** When the API server says to come back; null when it does not say. */
  readonly retryAfterMs: number | null;

  constructor(status: number, reason: string, message: string, retryAfterMs: number | null = null) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** A `Status` object of the API server, as far as it can be read. */
export function statusError(status: number, body: unknown, retryAfter: string | null): ApiError {
  const { reason, message, details } = (typeof body === 'object' && body !== null ? body : {}) as {
    reason?: unknown;
    message?: unknown;
    details?: { retryAfterSeconds?: unknown };
  };
  const seconds = retryAfter === null ? Number(details?.retryAfterSeconds) : Number(retryAfter);
  return new ApiError(
    status,
    typeof reason === 'string' ? reason : '',
    typeof message === 'string' && message !== '' ? message : `the API server answered ${status}`,
    Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : null,
  );
}

/** What to say of any error in a log line or a message. */
export function errorMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  if (error.message !== '') return error.message;
  return cause instanceof Error ? errorMessage(cause) : String(code ?? error.name);
}

export function isForbidden(error: unknown): boolean {
  return error instanceof ApiError && error.status === 403;
}
