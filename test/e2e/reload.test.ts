import { execFileSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Gateway, startGateway } from './support/gateway.ts';
import { startLoad } from './support/load.ts';
import { get } from './support/raw-client.ts';
import { forward, forwardAll, prefix, route } from './support/resources.ts';
import { answering, ok, RecordingUpstream, type UpstreamScript } from './support/upstream.ts';
import { sleep, until } from './support/wait.ts';

/** No request is lost by a change, a bad file or the end of the program. */
let upstream: RecordingUpstream;
let other: RecordingUpstream;
let gateway: Gateway;

beforeAll(async () => {
  upstream = await RecordingUpstream.start(answering('one'));
  other = await RecordingUpstream.start(answering('two'));
});
afterAll(async () => {
  await upstream?.stop();
  await other?.stop();
});

describe('hot reload', () => {
  beforeEach(async () => {
    gateway = await startGateway({ files: forwardAll(upstream.port), threads: 2 });
  });
  afterEach(() => gateway.stop());

  it('a changed file serves, and no request fails meanwhile', async () => {
    const load = startLoad({ port: gateway.port, clients: 8 });
    for (let round = 1; round <= 10; round++) {
      const version = forward(`/version-${round}`, other.port);
      gateway.write('route.yaml', route('all', [forward('/', upstream.port), version]));
      const probe = async () => (await get(gateway.port, `/version-${round}`)).body === 'two';
      await until(probe, `change ${round} serves\n${gateway.log}`);
    }
    const { answered, failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(50);
  });

  it('a changed backend takes over, and no request fails meanwhile', async () => {
    const load = startLoad({ port: gateway.port, clients: 4 });
    for (let round = 1; round <= 10; round++) {
      const [next, name] = round % 2 === 1 ? [other.port, 'two'] : [upstream.port, 'one'];
      gateway.write('route.yaml', route('all', [forward('/', next as number)]));
      await until(async () => (await get(gateway.port, '/')).body === name, `backend ${name} serves`);
    }
    expect((await load.stop()).failures).toEqual([]);
  });

  it('a new file adds, a removed file takes away', async () => {
    gateway.write('deep/er/extra.yml', route('extra', [{ ...prefix('/extra'), respond: { status: 202 } }]));
    await until(async () => (await get(gateway.port, '/extra')).status === 202, 'the new file serves');
    gateway.folder.remove('gateway.d/deep/er/extra.yml');
    await until(async () => (await get(gateway.port, '/extra')).status === 200, 'the removed file is gone');
  });

  for (const [name, text] of [
    ['does not parse', 'apiVersion: portreeve.dev/v1alpha1\nkind: [GatewayRoute\n'],
    ['does not fit the schema', route('all', [{ ...prefix('/'), backends: [], colour: 'red' }])],
    [
      'has a regular expression that does not compile',
      route('all', [{ matches: [{ path: { regex: '[' } }], respond: {} }]),
    ],
  ] as const) {
    it(`a file that ${name} keeps its last good version, and costs nobody else`, async () => {
      gateway.write('route.yaml', text);
      gateway.write('next.yaml', route('next', [{ ...prefix('/next'), respond: { status: 202 } }]));
      await until(
        async () => (await get(gateway.port, '/next')).status === 202,
        `the good file serves\n${gateway.log}`,
      );
      expect((await get(gateway.port, '/')).body).toBe('one');
      await until(() => /route\.yaml:\d+:\d+/.test(gateway.log), 'the log names the place');
      gateway.write('route.yaml', forwardAll(other.port)['route.yaml']!);
      await until(async () => (await get(gateway.port, '/')).body === 'two', 'the mended file serves');
    });
  }

  it.each<[string, (path: string) => void]>([
    ['a pipe into which nobody writes', (path) => execFileSync('mkfifo', [path])],
    ['a device without end', (path) => symlinkSync('/dev/zero', path)],
  ])('%s in place of a file keeps its last good version, and costs nobody else', async (_, make) => {
    gateway.folder.remove('gateway.d/route.yaml');
    make(`${gateway.folder.path}/gateway.d/route.yaml`);
    await until(() => gateway.log.includes('route.yaml:1:1: error: is no regular file'), 'the log names it');
    gateway.write('next.yaml', route('next', [{ ...prefix('/next'), respond: { status: 202 } }]));
    await until(async () => (await get(gateway.port, '/next')).status === 202, 'the good file serves');
    expect((await get(gateway.port, '/')).body).toBe('one');
  });

  it('an object that a file no longer holds is gone, although its file is bad elsewhere', async () => {
    const good = route('good', [{ ...prefix('/good'), respond: { status: 202 } }]);
    gateway.write('two.yaml', `${good}---\nkind: Nonsense\napiVersion: v9\nmetadata: { name: x }\n`);
    await until(async () => (await get(gateway.port, '/good')).status === 202, 'the good object serves');
    expect((await get(gateway.port, '/')).body).toBe('one');
  });
});

describe('a change in mid-request', () => {
  it('changes nothing for that request', async () => {
    gateway = await startGateway({ files: forwardAll(upstream.port) });
    let release = () => undefined as void;
    upstream.script = async (request, connection) => {
      if (request.target === '/slow') {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
      }
      connection.write(ok('old backend'));
    };
    const before = upstream.requests.length;
    const running = get(gateway.port, '/slow');
    await until(() => upstream.requests.length > before, 'the request is at the backend');
    gateway.write('route.yaml', forwardAll(other.port)['route.yaml']!);
    await until(async () => (await get(gateway.port, '/probe')).body === 'two', 'the change serves');
    release();
    expect((await running).body).toBe('old backend');
    upstream.script = answering('one');
    await gateway.stop();
  });
});

describe('a change between two tries of a request', () => {
  it('does not cost it its backend', async () => {
    const backoff = { linear: { base: '2s', max: '2s' } };
    const retry = { attempts: 1, when: ['503'], backoff };
    gateway = await startGateway({ files: forwardAll(upstream.port, { retry }) });
    let tries = 0;
    upstream.script = (request, connection) => {
      const fails = request.target === '/tried' && ++tries === 1;
      connection.write(fails ? 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n' : ok('one'));
    };
    const running = get(gateway.port, '/tried');
    await until(() => tries === 1, 'the first try has failed');
    gateway.write('route.yaml', forwardAll(other.port)['route.yaml']!);
    await until(async () => (await get(gateway.port, '/probe')).body === 'two', 'the change serves');
    expect((await running).status).toBe(200);
    upstream.script = answering('one');
    await gateway.stop();
  });
});

describe('the end', () => {
  const slowly: UpstreamScript = async (_, connection) => {
    await sleep(5);
    connection.write(ok('one'));
  };

  it('SIGTERM under load, taken out by its load balancer: no request fails', async () => {
    upstream.script = slowly;
    gateway = await startGateway({
      files: forwardAll(upstream.port),
      threads: 2,
      args: ['--drain-delay', '500ms'],
    });
    let ready = true;
    const load = startLoad({ port: gateway.port, clients: 16, mayConnect: () => ready });
    await until(() => load.answered() > 200, 'the load runs');
    gateway.beginDrain();
    await until(async () => (await gateway.admin('/readyz')).status === 503, 'readiness goes');
    ready = false;
    const exit = await gateway.terminate();
    const { failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(exit, gateway.log).toEqual({ code: 0, signal: null });
    await gateway.stop();
    upstream.script = answering('one');
  });

  it('SIGTERM under load without a warning: every request on an accepted connection is answered', async () => {
    upstream.script = slowly;
    gateway = await startGateway({ files: forwardAll(upstream.port), threads: 2 });
    let ending = false;
    const load = startLoad({ port: gateway.port, clients: 16, mayBeTurnedAway: () => ending });
    await until(() => load.answered() > 200, 'the load runs');
    ending = true;
    const exit = await gateway.terminate();
    const { failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(exit, gateway.log).toEqual({ code: 0, signal: null });
    await gateway.stop();
    upstream.script = answering('one');
  });

  it('a long answer that runs is finished first', async () => {
    let release = () => undefined as void;
    upstream.script = async (request, connection) => {
      if (request.target !== '/long') return connection.write(ok('short'));
      connection.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc');
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      connection.write('def');
    };
    gateway = await startGateway({ files: forwardAll(upstream.port) });
    const before = upstream.requests.length;
    const running = get(gateway.port, '/long');
    await until(() => upstream.requests.length > before, 'the request is at the backend');
    gateway.beginDrain();
    await until(
      () =>
        get(gateway.port, '/late').then(
          () => false,
          () => true,
        ),
      'no new connection is taken',
    );
    release();
    expect((await running).body).toBe('abcdef');
    await gateway.stop();
    upstream.script = answering('one');
  });

  it('a request that never ends is cut when the drain time is over', async () => {
    upstream.script = () => undefined;
    gateway = await startGateway({
      files: forwardAll(upstream.port),
      settings: { timeouts: { drain: '300ms' } },
    });
    const before = upstream.requests.length;
    const running = get(gateway.port, '/forever').then(
      (r) => r.status,
      () => 'cut',
    );
    await until(() => upstream.requests.length > before, 'the request is at the backend');
    const exit = await gateway.terminate();
    expect(exit.signal).toBeNull();
    expect(['cut', 503]).toContain(await running);
    gateway.folder.delete();
    upstream.script = answering('one');
  });

  it('readiness goes before the listeners do', async () => {
    gateway = await startGateway({ files: forwardAll(upstream.port) });
    expect((await gateway.admin('/healthz')).status).toBe(200);
    expect((await gateway.admin('/readyz')).status).toBe(200);
    await gateway.stop();
  });
});
