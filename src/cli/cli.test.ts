import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

let folder: string;
const running: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'portreeve-cli-'));
});
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function run(...args: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    encoding: 'utf8',
    cwd: folder,
  });
  return { code: status, out: stdout, err: stderr };
}

function write(name: string, text: string): void {
  writeFileSync(path.join(folder, name), text);
}

function route(name: string, rules: string): string {
  return `apiVersion: portreeve.dev/v1alpha1\nkind: GatewayRoute\nmetadata: { name: ${name} }\nspec:\n  rules:\n${rules}\n`;
}

const HELLO = route('hello', '    - matches: [{ path: { prefix: /hello } }]\n      respond: { body: hi }');

describe('validate', () => {
  test('says that all is well, on standard output', () => {
    write('a.yaml', HELLO);
    expect(run('validate', '.')).toEqual({ code: 0, out: '.: 1 route, no findings\n', err: '' });
  });

  test('prints every finding as file:line:column: severity: message (what to do), in their order', () => {
    write(
      'b.yaml',
      route(
        'b',
        '    - backends: [{ service: { name: nobody, port: 80 } }]\n    - matches: [{ path: { regex: "[" } }]\n      respond: {}',
      ),
    );
    write(
      'a.yaml',
      'apiVersion: portreeve.dev/v1alpha1\nkind: GatewayRoute\nmetadata: { name: a }\nspec: { rulez: [] }\n',
    );
    const { code, out, err } = run('validate', '.');
    const lines = err.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^a\.yaml:4:\d+: error: /);
    expect(lines).toContain('a.yaml:4:9: error: spec.rulez: unknown field; did you mean "rules"?');
    expect(lines.find((line) => line.startsWith('b.yaml:6:'))).toBe(
      'b.yaml:6:31: error: there is no Service nobody.default (create it, or correct the name)',
    );
    expect(lines.find((line) => line.startsWith('b.yaml:7:'))).toMatch(
      /^b\.yaml:7:27: error: the regular expression "\["/,
    );
    expect(out).toMatch(/^\.: 1 route, \d errors\n$/);
    expect(code).toBe(1);
  });

  test('reports matches that never win, as a warning', () => {
    write(
      'a.yaml',
      route(
        'a',
        '    - { matches: [{ path: { prefix: /x } }], respond: {} }\n    - { matches: [{ path: { prefix: /x } }], respond: {} }',
      ),
    );
    const { code, err } = run('validate', '.');
    expect(err).toMatch(/^a\.yaml:7:\d+: warning: no request ever gets here: a\.yaml:6:\d+ takes them all/);
    expect(code).toBe(0);
  });

  test('-o json has a stable form', () => {
    write('a.yaml', route('a', '    - backends: [{ service: { name: nobody, port: 80 } }]'));
    const { code, out, err } = run('validate', '.', '-o', 'json');
    expect(JSON.parse(out)).toEqual({
      findings: [
        {
          severity: 'error',
          code: 'backendNotFound',
          message: 'there is no Service nobody.default',
          advice: 'create it, or correct the name',
          object: 'GatewayRoute/default/a',
          fieldPath: 'spec.rules[0].backends[0].service.name',
          location: { file: 'a.yaml', line: 6, column: 31 },
        },
      ],
      summary: { routes: 1, errors: 1, warnings: 0 },
    });
    expect([code, err]).toEqual([1, '']);
  });

  test('a bad configuration is told with its place', () => {
    write('portreeve.yaml', 'threads: 2\nlisteners:\n  - { name: http, prot: 80 }\n');
    const { code, err } = run('validate', '.');
    expect(err).toMatch(/portreeve\.yaml:3:\d+: error: listeners\[0\]/);
    expect(code).toBe(1);
  });
});

test('policies of every route: what they refer to is looked for in one namespace, and closes what needs it', () => {
  const secret = (name: string, namespace: string) =>
    `apiVersion: v1\nkind: Secret\nmetadata: { name: ${name}, namespace: ${namespace} }\nstringData: { secret: "a secret of 32 characters or more!" }\n`;
  const jwt = '{ jwt: { keys: [{ secretRef: { name: k } }] } }';
  write('portreeve.yaml', `policyNamespace: team\npolicies:\n  - ${jwt}\n  - apiKey: {}\n    shadow: true\n`);
  write(
    'a.yaml',
    route(
      'a',
      '    - { respond: {} }\n    - { respond: {}, policies: [{ jwt: { keys: [{ secretRef: { name: k } }] } }] }',
    ),
  );
  write('s.yaml', secret('k', 'default'));
  const { code, err } = run('validate', '.');
  expect(code).toBe(1);
  expect(err).toMatch(/portreeve\.yaml:3:\d+: error: .*Secret\/team\/k/);
  expect(err).toMatch(/a\.yaml:\d+:\d+: error: .*a policy of the gateway's own configuration can't be built/);
  // The second rule has its own in the place of that one.
  expect(err.match(/own configuration can't be built/g)).toHaveLength(1);
  write('t.yaml', secret('k', 'team'));
  expect(run('validate', '.').code).toBe(0);
});

describe('explain', () => {
  test('tells the winner with its place, and why the others lost', () => {
    write(
      'a.yaml',
      route(
        'a',
        '    - { name: wide, matches: [{ path: { prefix: /x } }], respond: {} }\n    - { name: narrow, matches: [{ path: { exact: /x/y } }], backends: [{ url: "http://127.0.0.1:9" }] }',
      ),
    );
    const { code, out } = run('explain', 'GET', 'http://h//x/./y?q=1', '--config', '.', '-o', 'json');
    const report = JSON.parse(out);
    expect(report.request).toMatchObject({
      method: 'GET',
      host: 'h',
      receivedPath: '//x/./y',
      path: '/x/y',
      query: 'q=1',
    });
    expect(report.request.normalisation).toHaveLength(2);
    expect(report.winner).toMatchObject({
      route: 'GatewayRoute/default/a',
      rule: 'narrow',
      ruleOrigin: 'a.yaml:7:7',
    });
    expect(report.winner.action).toMatchObject({
      kind: 'forward',
      path: '/x/y',
      backends: [{ cluster: 'url:http://127.0.0.1:9', share: 1 }],
    });
    expect(report.candidates).toMatchObject([
      { rule: 'wide', loss: { reason: 'precedence', by: 'pathKind' } },
    ]);
    expect(code).toBe(0);
  });

  test('--consumer shows whose policies run where, and why it is closed', () => {
    write(
      'a.yaml',
      route('a', '    - { respond: {}, policies: [{ require: { roles: [r] } }, { apiKey: {} }] }'),
    );
    const consumer = (name: string, policies: string) =>
      write(
        `${name}.yaml`,
        `apiVersion: portreeve.dev/v1alpha1\nkind: Consumer\nmetadata: { name: ${name}, namespace: default }\nspec: { policies: ${policies} }\n`,
      );
    consumer('gold', '[{ requestHeaders: { remove: [A] } }, { require: { groups: [g] } }]');
    consumer('bad', '[{ csrf: {} }]');
    const ask = (...args: string[]) => run('explain', 'GET', 'http://h/', '--config', '.', ...args);
    const report = JSON.parse(ask('--consumer', 'gold', '-o', 'json').out);
    expect(report.winner.consumer).toEqual({ key: 'Consumer/default/gold', isFound: true, closed: null });
    expect(
      report.winner.policies.map(({ name, origin }: { name: string; origin: string }) => [name, origin]),
    ).toEqual([
      ['apiKey', expect.stringContaining('a.yaml')],
      ['require', expect.stringContaining('a.yaml')],
      ['require', expect.stringContaining('gold.yaml')],
      ['requestHeaders', expect.stringContaining('gold.yaml')],
    ]);
    expect(ask('--consumer', 'default/bad').out).toMatch(
      /500 for this consumer: .*its phase, edge, has passed/,
    );
    const missing = ask('--consumer', 'nobody');
    expect([missing.code, missing.err]).toEqual([
      2,
      expect.stringContaining('there is no Consumer/default/nobody'),
    ]);
    const { code, err } = run('validate', '.');
    expect([code, err]).toEqual([1, expect.stringMatching(/bad\.yaml.*spec\.policies\[0\]|its phase, edge/)]);
  });

  test('headers, client address and method choose as they would on the wire', () => {
    write(
      'a.yaml',
      route(
        'a',
        '    - { name: it, matches: [{ methods: [PUT], headers: [{ name: X-A, exact: b }], clientAddresses: [10.0.0.0/8] }], respond: {} }',
      ),
    );
    const ask = (...args: string[]) => JSON.parse(run('explain', ...args, '--config', '.', '-o', 'json').out);
    const all = ['PUT', '/', '-H', 'Host: h', '-H', 'x-a: b', '--client', '10.1.2.3'];
    expect(ask(...all).winner.rule).toBe('it');
    expect(ask(...all.slice(0, -2)).candidates[0].loss).toEqual({ reason: 'clientAddress' });
    expect(ask('PUT', '/', '-H', 'Host: h', '--client', '10.1.2.3').candidates[0].loss).toEqual({
      reason: 'header',
      name: 'x-a',
    });
    expect(ask('GET', ...all.slice(1)).candidates[0].loss).toEqual({ reason: 'method' });
  });

  test('a URL with https is for the listener that speaks it', () => {
    const tls = '{ name: tls, port: 8443, tls: { certificateRefs: [{ name: t }] } }';
    write('portreeve.yaml', `listeners:\n  - { name: http, port: 8080 }\n  - ${tls}\n`);
    write('a.yaml', route('a', '    - { redirect: { host: elsewhere.test } }'));
    const ask = (url: string, ...args: string[]) => {
      const { request, winner } = JSON.parse(
        run('explain', 'GET', url, '--config', '.', '-o', 'json', ...args).out,
      );
      return [request.listener, winner.action.authority];
    };
    expect(ask('https://h/')).toEqual(['tls', 'https://elsewhere.test']);
    expect(ask('http://h/')).toEqual(['http', 'http://elsewhere.test']);
    expect(ask('http://h:8443/')).toEqual(['tls', 'https://elsewhere.test']);
    expect(ask('https://h/', '--listener', 'http')).toEqual(['http', 'http://elsewhere.test']);
  });

  test.each([
    ['an encoded slash', ['GET', 'http://h/a%2Fb'], 400],
    ['a path above the root', ['GET', 'http://h/../x'], 400],
    ['TRACE', ['TRACE', 'http://h/'], 405],
    ['two Hosts', ['GET', '/', '-H', 'Host: a', '-H', 'Host: b'], 400],
    ['a header with a control character', ['GET', 'http://h/', '-H', 'X: a\u0001b'], 400],
  ])('says that %s is refused', (_, args, status) => {
    write('a.yaml', HELLO);
    const { code, out } = run('explain', ...args, '--config', '.', '-o', 'json');
    expect(JSON.parse(out)).toMatchObject({ refusal: { status }, winner: null });
    expect(code).toBe(1);
  });

  test('a policy stands where its configuration puts it', () => {
    const limit = 'limits: [{ name: a, key: [{ constant: a }], windows: { minute: 5 } }]';
    const policies = `[{ rateLimit: { ${limit} } }, { jwt: { keys: [{ secretRef: { name: s } }] } }, { rateLimit: { before: authentication, ${limit} } }]`;
    write('a.yaml', route('a', `    - { name: it, matches: [], respond: {}, policies: ${policies} }`));
    const { out } = run('explain', 'GET', 'http://h/', '--config', '.', '-o', 'json');
    expect(JSON.parse(out).winner.policies).toMatchObject([
      { name: 'rateLimit', phase: 'guard' },
      { name: 'jwt', phase: 'authn' },
      { name: 'rateLimit', phase: 'limit' },
    ]);
  });

  test('no route: exit code 1', () => {
    write('a.yaml', HELLO);
    const { code, out } = run('explain', 'GET', 'http://h/nothing', '--config', '.');
    expect(out).toContain('404: no route takes this request');
    expect(code).toBe(1);
  });
});

describe('usage', () => {
  test.each([
    [['nonsense']],
    [['serve']],
    [['serve', '.', '--threads', '0']],
    [['serve', '.', '--listen', 'here:80']],
    [['validate', './missing']],
    [['validate', '.', '--config-file', 'missing.yaml']],
    [['explain', 'GET', '/no-host', '--config', '.']],
    [['crds', '--kind', 'Nothing']],
  ])('%j: a message on standard error and exit code 2', (args) => {
    const { code, out, err } = run(...args);
    expect(err).toMatch(/error: /);
    expect([code, out]).toEqual([2, '']);
  });

  test('help and version are no errors', () => {
    expect(run('--help')).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(run('version', '-o', 'json').out)).toMatchObject({ node: process.version });
  });

  test('crds prints the definition of one kind', () => {
    expect(JSON.parse(run('crds', '--kind', 'Consumer', '-o', 'json').out)).toMatchObject({
      metadata: { name: 'consumers.portreeve.dev' },
    });
    expect(run('crds').out.match(/^kind: CustomResourceDefinition$/gm)).toHaveLength(3);
  });
});

interface Served {
  readonly child: ChildProcess;
  readonly port: number;
  readonly admin: number;
  log(): string;
}

async function serve(...args: string[]): Promise<Served> {
  const child = spawn(
    process.execPath,
    [MAIN, 'serve', '.', '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--threads', '2', ...args],
    {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  running.push(child);
  let log = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const ready = await vi.waitFor(
    () =>
      JSON.parse(log.split('\n').find((line) => line.includes('"event":"ready"')) ?? '') as {
        listeners: { port: number }[];
        adminPort: number;
      },
    { timeout: 20_000, interval: 20 },
  );
  return { child, port: ready.listeners[0]!.port, admin: ready.adminPort, log: () => log };
}

const get = async (port: number, target: string): Promise<{ status: number; body: string }> => {
  const response = await fetch(`http://127.0.0.1:${port}${target}`, { headers: { connection: 'close' } });
  return { status: response.status, body: await response.text() };
};
const within = { timeout: 10_000, interval: 20 };

describe('serve', () => {
  test('serves, follows its files, and ends with 0 on SIGTERM', async () => {
    write('a.yaml', HELLO);
    const { child, port, admin } = await serve();
    expect(await get(port, '/hello')).toEqual({ status: 200, body: 'hi' });
    expect((await get(admin, '/readyz')).status).toBe(200);
    write('a.yaml', HELLO.replace('hi', 'changed'));
    await vi.waitFor(async () => expect((await get(port, '/hello')).body).toBe('changed'), within);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  test('without a watch, files are read again on SIGHUP only', async () => {
    write('a.yaml', HELLO);
    const { child, port } = await serve('--no-watch');
    write('a.yaml', HELLO.replace('hi', 'changed'));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await get(port, '/hello')).body).toBe('hi');
    child.kill('SIGHUP');
    await vi.waitFor(async () => expect((await get(port, '/hello')).body).toBe('changed'), within);
  });

  test('readiness goes before the listeners do', async () => {
    write('a.yaml', HELLO);
    const { child, port, admin } = await serve('--drain-delay', '2s');
    child.kill('SIGTERM');
    await vi.waitFor(async () => expect((await get(admin, '/readyz')).status).toBe(503), within);
    expect((await get(port, '/hello')).status).toBe(200);
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  test('a second signal ends at once, with 5', async () => {
    write('a.yaml', HELLO);
    const { child, log } = await serve('--drain-delay', '1h');
    child.kill('SIGTERM');
    await vi.waitFor(() => expect(log()).toContain('draining'), within);
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([5, null]);
  });

  test('a second gateway does not share the port of the first: exit code 3', async () => {
    write('a.yaml', HELLO);
    const { port } = await serve();
    const { code, err } = run('serve', '.', '--listen', `127.0.0.1:${port}`, '--admin', '127.0.0.1:0');
    expect(err).toContain(`can't listen on 127.0.0.1:${port}: another program does`);
    expect(code).toBe(3);
  });

  test.each(['--listen', '--admin'])('%s on a taken port: exit code 3', async (option) => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    write('a.yaml', HELLO);
    const addresses = { '--listen': '127.0.0.1:0', '--admin': '127.0.0.1:0', [option]: `127.0.0.1:${port}` };
    const { code, err } = run('serve', '.', '--threads', '1', ...Object.entries(addresses).flat());
    taken.close();
    expect(err).toMatch(/error: .*listen/);
    expect(code).toBe(3);
  });
});
