/** One document of a YAML stream, with its place in the file. */
export interface DocumentText {
  readonly text: string;
  /** Lines of the file before it. */
  readonly linesBefore: number;
}

/** `---` or `...` in the first column ends a document, even inside a quoted or block scalar (YAML 1.2 section 9.1). */
const MARKER = /^(---|\.\.\.)(?=\s|$)/gm;
const EMPTY =
  /^(?:[ \t]*(?:#.*)?(?:\r?\n|$)|%.*(?:\r?\n|$)|\.\.\.[ \t]*(?:#.*)?(?:\r?\n|$)|---[ \t]*(?:#.*)?(?:\r?\n|$))*$/;

/**
 * Cuts a stream into documents, so that one that does not parse costs only itself. Documents of comments,
 * directives or nothing are left out.
 */
export function splitDocuments(stream: string): readonly DocumentText[] {
  const documents: DocumentText[] = [];
  let start = 0;
  let linesBefore = 0;
  const take = (end: number): void => {
    const text = stream.slice(start, end);
    if (!EMPTY.test(text)) documents.push({ text, linesBefore });
    linesBefore += countLines(text);
    start = end;
  };
  for (const marker of stream.matchAll(MARKER)) {
    if (marker[1] === '---') {
      take(marker.index);
    } else {
      const lineEnd = stream.indexOf('\n', marker.index);
      take(lineEnd === -1 ? stream.length : lineEnd + 1);
    }
  }
  take(stream.length);
  return documents;
}

function countLines(text: string): number {
  let lines = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines++;
  return lines;
}
