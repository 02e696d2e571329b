/**
 * Why the codec refused bytes. Positive, stable, in one place; 0 (`OK`) means accepted. What a parser found
 * ambiguous is refused, never repaired.
 */
export const RefusalCode = {
  OK: 0,
  // Octets and lines
  bareLineFeed: 1,
  bareCarriageReturn: 2,
  controlByte: 3,
  headTooLarge: 4,
  tooManyFields: 5,
  targetTooLong: 6,
  badFieldName: 7,
  spaceBeforeColon: 8,
  foldedLine: 9,
  missingColon: 10,
  headNotTerminated: 11,
  // Request line
  badMethod: 20,
  badTarget: 21,
  badVersion: 22,
  versionNotSupported: 23,
  // Authority
  missingHost: 30,
  duplicateHost: 31,
  badHost: 32,
  hostMismatch: 33,
  // Framing
  badContentLength: 40,
  duplicateContentLength: 41,
  lengthWithTransferEncoding: 42,
  badTransferEncoding: 43,
  duplicateTransferEncoding: 44,
  transferEncodingInHttp10: 45,
  transferCodingNotImplemented: 46,
  contentNotAllowed: 47,
  // Other fields that decide how a message is read
  badConnection: 50,
  badExpect: 51,
  badUpgrade: 52,
  // Body
  badChunkSize: 60,
  badChunkExtension: 61,
  chunkExtensionsTooLarge: 62,
  badChunkEnd: 63,
  trailersTooLarge: 64,
  bodyTooLarge: 65,
  truncatedBody: 66,
  // Status line of a response
  badStatusLine: 70,
  badStatus: 71,
  badInterimResponse: 72,
  // Given by the server, not by the parsers
  headTimeout: 80,
} as const;

export type RefusalCode = (typeof RefusalCode)[keyof typeof RefusalCode];

/** A scanner or decoder returns `-1 - code` where an offset would stand; -1 is kept for "need more". */
export function refusalResult(code: RefusalCode): number {
  return -1 - code;
}

/** The code in a result below -1 of {@link HeadScanner.scan} or below 0 of {@link BodyDecoder.execute}. */
export function refusalOf(result: number): RefusalCode {
  return (-1 - result) as RefusalCode;
}

type RefusalStatus = 400 | 408 | 413 | 414 | 417 | 431 | 501 | 502 | 505;

const STATUS: Partial<Record<RefusalCode, RefusalStatus>> = {
  [RefusalCode.headTooLarge]: 431,
  [RefusalCode.tooManyFields]: 431,
  [RefusalCode.trailersTooLarge]: 431,
  [RefusalCode.targetTooLong]: 414,
  [RefusalCode.versionNotSupported]: 505,
  [RefusalCode.transferCodingNotImplemented]: 501,
  [RefusalCode.badExpect]: 417,
  [RefusalCode.bodyTooLarge]: 413,
  [RefusalCode.badStatusLine]: 502,
  [RefusalCode.badStatus]: 502,
  [RefusalCode.badInterimResponse]: 502,
  [RefusalCode.headTimeout]: 408,
};

/**
 * The status to answer a refused request with. Every refusal of a response is a 502 to the client, whatever
 * its code.
 */
export function refusalStatus(code: RefusalCode): RefusalStatus {
  return STATUS[code] ?? 400;
}

const MESSAGES: Record<RefusalCode, string> = {
  [RefusalCode.OK]: 'The message is well formed.',
  [RefusalCode.bareLineFeed]: 'A line ends with LF alone; lines end with CR LF.',
  [RefusalCode.bareCarriageReturn]: 'A CR is not followed by LF.',
  [RefusalCode.controlByte]: 'The head contains a control byte.',
  [RefusalCode.headTooLarge]: 'The header section is too large.',
  [RefusalCode.tooManyFields]: 'The header section has too many lines.',
  [RefusalCode.targetTooLong]: 'The request target is too long.',
  [RefusalCode.badFieldName]: 'A field name is empty or has a byte that is not allowed in a token.',
  [RefusalCode.spaceBeforeColon]: 'White space stands between a field name and its colon.',
  [RefusalCode.foldedLine]: 'A header line is folded; line folding is obsolete and refused.',
  [RefusalCode.missingColon]: 'A header line has no colon.',
  [RefusalCode.headNotTerminated]: 'The header section does not end with an empty line.',
  [RefusalCode.badMethod]: 'The method is not a token.',
  [RefusalCode.badTarget]: 'The request target is malformed or not of a form that the method allows.',
  [RefusalCode.badVersion]: 'The request line does not end with an HTTP version.',
  [RefusalCode.versionNotSupported]: 'This version of HTTP is not supported on this connection.',
  [RefusalCode.missingHost]: 'A Host field is required.',
  [RefusalCode.duplicateHost]: 'There is more than one Host field.',
  [RefusalCode.badHost]: 'The host or its port is malformed.',
  [RefusalCode.hostMismatch]: 'The Host field differs from the authority of the request target.',
  [RefusalCode.badContentLength]: 'Content-Length is not a plain decimal number.',
  [RefusalCode.duplicateContentLength]: 'There is more than one Content-Length.',
  [RefusalCode.lengthWithTransferEncoding]: 'Content-Length and Transfer-Encoding exclude one another.',
  [RefusalCode.badTransferEncoding]: 'Transfer-Encoding is malformed; only "chunked" is understood.',
  [RefusalCode.duplicateTransferEncoding]: 'There is more than one Transfer-Encoding.',
  [RefusalCode.transferEncodingInHttp10]: 'Transfer-Encoding is not defined in HTTP/1.0.',
  [RefusalCode.transferCodingNotImplemented]: 'This transfer coding is not implemented.',
  [RefusalCode.contentNotAllowed]: 'Content is not allowed in this kind of message.',
  [RefusalCode.badConnection]: 'Connection is not a list of tokens.',
  [RefusalCode.badExpect]: 'Only the expectation 100-continue is understood.',
  [RefusalCode.badUpgrade]: 'Upgrade is not a list of protocols.',
  [RefusalCode.badChunkSize]: 'A chunk size is not a plain hexadecimal number.',
  [RefusalCode.badChunkExtension]: 'A chunk extension is malformed.',
  [RefusalCode.chunkExtensionsTooLarge]: 'The chunk extensions are too large.',
  [RefusalCode.badChunkEnd]: 'A chunk does not end with CR LF.',
  [RefusalCode.trailersTooLarge]: 'The trailer section is too large.',
  [RefusalCode.bodyTooLarge]: 'The body is too large.',
  [RefusalCode.truncatedBody]: 'The connection ended before the body was complete.',
  [RefusalCode.badStatusLine]: 'The status line is malformed.',
  [RefusalCode.badStatus]: 'The status code is not between 100 and 599.',
  [RefusalCode.badInterimResponse]: 'An interim response ends its connection.',
  [RefusalCode.headTimeout]: 'The request head did not arrive in time.',
};

/** One sentence that is safe to show to the client: it repeats nothing of what was sent. */
export function refusalMessage(code: RefusalCode): string {
  return MESSAGES[code];
}
