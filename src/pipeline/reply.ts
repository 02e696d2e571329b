/** An answer made by the gateway itself, whole and small: it is never streamed. */
export interface Reply {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string | Uint8Array;
  /** A backend's answer, kept from before: it has its own Date, and policies take it for the backend's. */
  readonly stored?: true;
}

/** Titles of the problems that the gateway itself answers with; stable, machines may compare `type`. */
const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  411: 'Length Required',
  413: 'Content Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  417: 'Expectation Failed',
  421: 'Misdirected Request',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
};

/**
 * RFC 9457 problem details. `detail` is for the client: never an upstream's name, address or a stack.
 */
export function problem(
  status: number,
  detail: string,
  headers: readonly (readonly [string, string])[] = [],
): Reply {
  const title = REASONS[status] ?? 'Error';
  return {
    status,
    headers: [['content-type', 'application/problem+json'], ...headers],
    body: JSON.stringify({ type: 'about:blank', title, status, detail }),
  };
}
