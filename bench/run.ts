import { parseArgs } from 'node:util';
import { benchChain } from './chain/run.ts';
import { benchConfig } from './config.ts';
import { benchConsumers } from './consumers/run.ts';
import { benchHttp } from './http.ts';
import { loadAverage, machineLine } from './lib/machine.ts';
import { type BenchReport, markdown } from './lib/report.ts';
import { WORKS } from './lib/works.ts';
import { benchMemory } from './memory.ts';
import { haproxy } from './peers/haproxy.ts';
import { nginx, nginxHeaders } from './peers/nginx.ts';
import { portreeve } from './peers/portreeve.ts';

const PEERS = [portreeve, nginx, nginxHeaders, haproxy];
const PARTS = [...WORKS.map(({ name }) => name), 'chain', 'consumers', 'memory', 'config'];
const PEER_NAMES = PEERS.map(({ name }) => name).filter((name) => name !== 'portreeve');

const HELP = `npm run bench -- [options]

Measures Portreeve beside other proxies: the proxy on one core, load generator and backend on another.
Needs Linux with two cores, and nginx, haproxy, wrk, curl and taskset (Debian: nginx-light haproxy wrk).

  --only PART,…      of ${PARTS.join(', ')} (default: all)
  --peers NAME,…     of ${PEER_NAMES.join(', ')} (default: nginx,haproxy)
  --rounds N         rounds of every work and proxy (default: 4)
  --seconds S        length of a round (default: 3)
  -o json            the figures as JSON (default: Markdown tables)
`;

interface Options {
  readonly only: readonly string[];
  readonly peers: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  readonly json: boolean;
}

/** @throws Error for people. */
function readOptions(): Options | null {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: PARTS.join(',') },
      peers: { type: 'string', default: 'nginx,haproxy' },
      rounds: { type: 'string', default: '4' },
      seconds: { type: 'string', default: '3' },
      output: { type: 'string', short: 'o', default: 'markdown' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  return {
    only: oneOf(values.only, PARTS, '--only'),
    peers: ['portreeve', ...oneOf(values.peers, PEER_NAMES, '--peers')],
    rounds: positive(values.rounds, '--rounds'),
    seconds: positive(values.seconds, '--seconds'),
    json: oneOf(values.output, ['markdown', 'json'], '-o')[0] === 'json',
  };
}

function oneOf(text: string, known: readonly string[], option: string): string[] {
  const names = text.split(',').filter((name) => name !== '');
  const strange = names.filter((name) => !known.includes(name));
  if (strange.length > 0) throw new Error(`${option}: ${strange.join(', ')} is none of ${known.join(', ')}`);
  return names;
}

function positive(text: string, option: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${option}: ${text} is not a number from 1`);
  return value;
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else process.stderr.write(`${text}\n`);
}

async function measure(options: Options): Promise<BenchReport> {
  const { only, peers, rounds, seconds } = options;
  const load = loadAverage();
  const works = WORKS.filter(({ name }) => only.includes(name));
  const contenders = PEERS.filter(({ name }) => peers.includes(name));
  const rounded = { rounds, seconds, progress };
  return {
    machine: machineLine(),
    date: new Date().toISOString().slice(0, 10),
    rounds,
    seconds,
    loadAverage: load,
    http: works.length === 0 ? null : await benchHttp({ works, peers: contenders, ...rounded }),
    chain: only.includes('chain') ? await benchChain(rounded) : null,
    consumers: only.includes('consumers') ? await benchConsumers(rounded) : null,
    memory: only.includes('memory') ? await benchMemory({ peers: contenders, progress }) : null,
    config: only.includes('config') ? await benchConfig({ starts: 3, changes: 50, progress }) : null,
  };
}

try {
  const options = readOptions();
  if (options === null) {
    process.stdout.write(HELP);
  } else {
    const report = await measure(options);
    progress('');
    process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : `${markdown(report)}\n`);
  }
} catch (error) {
  progress('');
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
