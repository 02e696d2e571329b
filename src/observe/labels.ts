/** Values of the `method` label, by method id. What is none of them counts as `OTHER`: clients choose methods. */
export const METHOD_LABELS = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'CONNECT',
  'TRACE',
  'OTHER',
] as const;

/** Id of `OTHER`. */
export const OTHER_METHOD = METHOD_LABELS.length - 1;

/** The label value where there is no route (`path`) or no backend was chosen (`service`). */
export const NONE = 'none';

/** Index into {@link METHOD_LABELS}. Methods are case-sensitive (RFC 9110 section 9.1). */
export function methodId(method: string): number {
  switch (method) {
    case 'GET':
      return 0;
    case 'HEAD':
      return 1;
    case 'POST':
      return 2;
    case 'PUT':
      return 3;
    case 'DELETE':
      return 4;
    case 'PATCH':
      return 5;
    case 'OPTIONS':
      return 6;
    case 'CONNECT':
      return 7;
    case 'TRACE':
      return 8;
    default:
      return OTHER_METHOD;
  }
}
