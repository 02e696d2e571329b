// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of an operator's text
/**
 * CPU that one thread spends on bodies, and on the policies that change them: `node bench/micro/bodies.ts [rounds]`. The thread's
 * own time is read, so other programs on the machine matter little; what zlib's and JSONata's threads spend is not in it. A rule without
 * such policies pays none of this.
 */
import { chooseCoding } from '../../src/lib/accept-encoding.ts';
import { CODINGS, compressorOf } from '../../src/lib/codings.ts';
import type { Exchange } from '../../src/pipeline/exchange.ts';
import { compileMapping, type Mapped } from '../../src/policies/body/mapping.ts';
import { compress } from '../../src/policies/compress/index.ts';
import { pathMap } from '../../src/policies/path-map.ts';
import { requestQuery } from '../../src/policies/request-query.ts';
import { bindPolicies } from '../../src/policies/testing.ts';
import { answeredExchange } from '../../src/policies/testing-exchange.ts';
import { BodyBudget } from '../../src/proxy/body/budget.ts';
import { BodyFlow } from '../../src/proxy/body/flow.ts';

const ROUNDS = Number(process.argv[2] ?? 9);
const items = Array.from({ length: 400 }, (_, id) => ({
  id,
  name: `item ${id}`,
  price: id * 7.31,
  tags: ['a', 'b'],
}));
const BODY = Buffer.from(JSON.stringify({ data: items })).subarray(0, 1_000_000);
const small = Buffer.from(JSON.stringify({ data: items.slice(0, 15), page: 1 }));
const request = {
  target: '/v1/users/7?a=1&b=2&debug=1',
  lines: ['Accept-Encoding: gzip, deflate, br, zstd'],
};

async function measure(name: string, count: number, once: (i: number) => unknown): Promise<void> {
  const rounds: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const before = process.threadCpuUsage();
    for (let i = 0; i < count; i += 1) {
      const result = once(i);
      if (result instanceof Promise) await result;
    }
    const { user, system } = process.threadCpuUsage(before);
    if (round > 0) rounds.push((user + system) / count);
  }
  rounds.sort((a, b) => a - b);
  const median = rounds[rounds.length >> 1]!;
  console.log(`${name.padEnd(52)} ${median.toFixed(2).padStart(9)} µs   fastest ${rounds[0]!.toFixed(2)} µs`);
}

const budget = new BodyBudget(1e9);
const source = { start: () => undefined, stop: () => undefined };
const owner = { onFlowFailed: (error: Error) => console.error(error) };
const sink = { write: () => undefined, flush: () => true, end: () => undefined };
const chunk = Buffer.alloc(16_384);

function passing(prepare: (flow: BodyFlow) => void): () => void {
  return () => {
    const flow = new BodyFlow(source, owner, budget, null);
    prepare(flow);
    flow.attach(sink);
    for (let i = 0; i < 10; i += 1) {
      flow.onData(chunk, 0, chunk.length);
      flow.onReadEnd();
    }
    flow.onEnd('');
  };
}

await measure(
  'flow, 160 KB in 10 pieces past a tap',
  20_000,
  passing((flow) => flow.tap({ onData: () => undefined, onEnd: () => undefined, onAbort: () => undefined })),
);
await measure('flow, 160 KB in 10 pieces read whole', 2000, async () => {
  const flow = new BodyFlow(source, owner, budget, null);
  const whole = flow.read(1e9);
  for (let i = 0; i < 10; i += 1) flow.onData(chunk, 0, chunk.length);
  flow.onEnd('');
  await whole;
  flow.attach(sink);
});

await measure('Accept-Encoding negotiated anew', 100_000, () =>
  chooseCoding('gzip, deflate, br;q=0.9, zstd', CODINGS),
);
const leaves = bindPolicies([compress, {}]).onResponse![0]!.policy;
const image = answeredExchange(request, { lines: ['Content-Type: image/png'], body: BODY });
await measure('compress, leaves an image', 100_000, () => leaves.onResponse!(image));
for (const coding of CODINGS) {
  const one = compressorOf(coding, { gzip: 5, br: 4, zstd: 3 }[coding]);
  await measure(`compress, ${small.length} bytes of JSON by ${coding}`, 500, () => one.compress(small));
  await measure(`compress, ${Math.min(16_000, BODY.length)} bytes of JSON by ${coding}`, 200, () =>
    one.compress(BODY.subarray(0, 16_000)),
  );
}

const x: Exchange = answeredExchange(request, { body: small });
const limits = { timeout: '10s', maxBytes: '1Mi', types: [] };
const mapping = (way: object): ((i: number) => Mapped | Promise<Mapped>) => {
  const { map } = compileMapping({ ...limits, ...way });
  return () => map(small, x);
};
await measure(`wrap ${small.length} bytes of JSON`, 20_000, mapping({ wrap: 'data' }));
await measure(`unwrap ${small.length} bytes of JSON`, 20_000, mapping({ unwrap: 'data' }));
await measure(
  `template over ${small.length} bytes of JSON`,
  20_000,
  mapping({ template: '{"p":${body.page},"d":${body.data},"id":${requestId}}' }),
);
const evaluate = mapping({ jsonata: '{"names": data.name, "page": page}' });
await evaluate(0);
await measure(`jsonata over ${small.length} bytes, this thread's part`, 1000, evaluate);

const query = bindPolicies([requestQuery, { rename: [{ from: 'a', to: 'x' }], remove: ['debug'] }])
  .onRequest![0]!.policy;
await measure('requestQuery, a rename and a removal', 50_000, () => {
  x.request.setQuery('a=1&b=2&debug=1');
  return query.onRequest!(x);
});
const table = Array.from({ length: 1000 }, (_, i) => ({
  from: `/old-${i}`,
  to: `/new-${i}`,
  kind: 'prefix',
}));
const paths = bindPolicies([pathMap, { paths: table }]).onRequest![0]!.policy;
await measure('pathMap, 1000 prefixes', 50_000, () => {
  x.request.setPath('/old-7/users/7');
  return paths.onRequest!(x);
});
