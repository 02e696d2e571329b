/** Seeded random numbers (mulberry32): a failing sample is found again by its seed. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 to `bound` - 1. */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }
}

const OCTETS = [
  '\r',
  '\n',
  '\r\n',
  '\0',
  ' ',
  '\t',
  '\x0b',
  '\x7f',
  '\x80',
  '\xff',
  ':',
  ',',
  ';',
  '=',
  '"',
  '\\',
  '/',
  '?',
  '#',
  '%',
  '@',
  '0',
  '1',
  '9',
  'a',
  'F',
  'x',
  '+',
  '-',
  '_',
  '[',
  ']',
  '*',
  '|',
  '{',
];

const LINES = [
  'Content-Length: 5',
  'Content-Length: 0',
  'content-length: 05',
  'Content-Length: 5, 5',
  'Content-Length:',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: CHUNKED',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding : chunked',
  'Transfer_Encoding: chunked',
  'Host: b.example',
  'Connection: close',
  'Connection: keep-alive, X-A',
  'Connection: upgrade',
  'Connection: ,,close;',
  'Upgrade: websocket',
  'Upgrade: h2c',
  'Expect: 100-continue',
  'TE: trailers',
  'Trailer: X-Sum',
  'Keep-Alive: timeout=5',
  'X-Empty:',
  'X-Odd: \xe9\t"\\',
  ' folded: yes',
  ': no name',
  'no colon',
];

type Mutation = (text: string, random: Random, others: readonly string[]) => string;

function splice(text: string, at: number, remove: number, insert: string): string {
  return text.slice(0, at) + insert + text.slice(at + remove);
}

function onLines(text: string, change: (lines: string[]) => void): string {
  const lines = text.split('\r\n');
  change(lines);
  return lines.join('\r\n');
}

const MUTATIONS: readonly Mutation[] = [
  (text, random) => splice(text, random.below(text.length + 1), 0, random.pick(OCTETS)),
  (text, random) => splice(text, random.below(text.length), 1, random.pick(OCTETS)),
  (text, random) => splice(text, random.below(text.length), 1 + random.below(4), ''),
  (text, random) => splice(text, random.below(text.length + 1), 0, String.fromCharCode(random.below(256))),
  // A whole line more, twice, away, or elsewhere.
  (text, random) =>
    onLines(text, (lines) => lines.splice(1 + random.below(lines.length), 0, random.pick(LINES))),
  (text, random) => onLines(text, (lines) => lines.splice(1, 0, random.pick(LINES), random.pick(LINES))),
  (text, random) =>
    onLines(text, (lines) => {
      const at = random.below(lines.length);
      lines.splice(at, 0, lines[at]!);
    }),
  (text, random) => onLines(text, (lines) => lines.splice(random.below(lines.length), 1)),
  (text, random) => onLines(text, (lines) => lines.push(...lines.splice(random.below(lines.length), 1))),
  // White space around the colon, at line ends, between the parts of the first line.
  (text, random) =>
    onLines(text, (lines) => {
      const at = random.below(lines.length);
      lines[at] = lines[at]!.replace(':', random.pick([' :', ':', ':\t ', '\t:', ':\x0b', ':  ', ': \r']));
    }),
  (text, random) =>
    onLines(text, (lines) => {
      lines[random.below(lines.length)] += random.pick([' ', '\t', ' \t ', '\x0c', '\r', '\0', ',', ';']);
    }),
  (text, random) => text.replace(' ', random.pick(['  ', '\t', '', '\xa0', ' \t'])),
  // A line end of another kind.
  (text, random) => {
    const ends = text.split('\r\n').length - 1;
    let wanted = random.below(Math.max(1, ends));
    return text.replace(/\r\n/g, (end) =>
      wanted-- === 0 ? random.pick(['\n', '\r', '\r\r\n', '\n\r', '\r\n ', '']) : end,
    );
  },
  (text, random) =>
    text.replace(
      /HTTP\/1\.1/,
      random.pick(['HTTP/1.0', 'HTTP/1.2', 'HTTP/2.0', 'HTTP/0.9', 'http/1.1', 'HTTP/1.01', 'HTTP/ 1.1']),
    ),
  (text, random) =>
    text.replace(/[a-z]/gi, (letter) => (random.below(8) === 0 ? letter.toUpperCase() : letter)),
  (text, random) => `${random.pick(['\r\n', '\n', '\r\n\r\n', ' ', '\r'])}${text}`,
  // Numbers: lengths, chunk sizes, ports, status codes.
  (text, random) => {
    const numbers = text.match(/\d+/g)?.length ?? 0;
    let wanted = random.below(Math.max(1, numbers));
    return text.replace(/\d+/g, (digits) =>
      wanted-- === 0
        ? random.pick([
            `0${digits}`,
            `+${digits}`,
            `${digits} `,
            `${digits}0`,
            '',
            `-${digits}`,
            `0x${digits}`,
            '99999999999999999999',
            String(random.below(12)),
            `${digits};a=b`,
          ])
        : digits,
    );
  },
  (text, random, others) => text.slice(0, random.below(text.length)) + random.pick(others),
];

/** One to three changes of a valid message. */
export function mutate(text: string, random: Random, others: readonly string[]): string {
  let mutant = text;
  for (let left = 1 + random.below(3); left > 0; left--)
    mutant = random.pick(MUTATIONS)(mutant, random, others);
  return mutant;
}
