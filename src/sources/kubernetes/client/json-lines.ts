/** An object of etcd is at most 1.5 MiB; as JSON, with everything around it, a few times that. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;

/**
 * Cuts a stream of bytes into lines of JSON. A last line without its end is not a line: the stream was cut.
 * @throws SyntaxError for a line that does not parse or never ends
 */
export class JsonLines {
  readonly #decoder = new TextDecoder();
  #rest = '';

  /** The values of the lines that are whole now. */
  push(chunk: Uint8Array): readonly unknown[] {
    const text = this.#rest + this.#decoder.decode(chunk, { stream: true });
    const end = text.lastIndexOf('\n');
    this.#rest = text.slice(end + 1);
    if (this.#rest.length > MAX_LINE_BYTES) throw new SyntaxError('a line of the watch has no end');
    if (end === -1) return [];
    return text
      .slice(0, end)
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => JSON.parse(line) as unknown);
  }
}
