/** What an isolate holds after its garbage is collected, asked over Node's inspector. */
export interface HeapUse {
  readonly controlBytes: number;
  /** One for each data-plane thread. */
  readonly threadBytes: readonly number[];
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly sessionId?: string; readonly message?: string };
  readonly result?: unknown;
}

const SETTLE_MS = 500;

/** A program that was started with `--inspect=127.0.0.1:0`; `output` is what it has printed. @throws Error */
export async function heapUse(output: string): Promise<HeapUse> {
  const url = /Debugger listening on (ws:\S+)/.exec(output)?.[1];
  if (url === undefined) throw new Error('it has no inspector');
  const inspector = await Inspector.connect(url);
  try {
    const threads = await inspector.threads();
    return {
      controlBytes: await collected((method) => inspector.ask(method)),
      threadBytes: await Promise.all(
        threads.map((session) => collected((method) => inspector.askThread(session, method))),
      ),
    };
  } finally {
    inspector.close();
  }
}

/** Weak references and finalizers need a second round. */
async function collected(ask: (method: string) => Promise<unknown>): Promise<number> {
  for (let round = 0; round < 2; round++) await ask('HeapProfiler.collectGarbage');
  return ((await ask('Runtime.getHeapUsage')) as { usedSize: number }).usedSize;
}

class Inspector {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (result: unknown) => void>();
  readonly #sessions = new Set<string>();
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#take(JSON.parse(String(data)) as Message));
  }

  static async connect(url: string): Promise<Inspector> {
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', () => reject(new Error(`no inspector at ${url}`)));
    });
    return new Inspector(socket);
  }

  ask(method: string, params: object = {}): Promise<unknown> {
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, resolve);
    this.#socket.send(JSON.stringify({ id, method, params }));
    return promise;
  }

  /** Sessions of the threads. They are told as events. */
  async threads(): Promise<readonly string[]> {
    await this.ask('NodeWorker.enable', { waitForDebuggerOnStart: false });
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    return [...this.#sessions];
  }

  askThread(sessionId: string, method: string): Promise<unknown> {
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, resolve);
    const message = JSON.stringify({ id, method });
    void this.ask('NodeWorker.sendMessageToWorker', { sessionId, message });
    return promise;
  }

  close(): void {
    this.#socket.close();
  }

  #take({ id, method, params, result }: Message): void {
    if (id !== undefined) {
      this.#waiting.get(id)?.(result);
      this.#waiting.delete(id);
    } else if (method === 'NodeWorker.attachedToWorker') this.#sessions.add(params!.sessionId!);
    else if (method === 'NodeWorker.receivedMessageFromWorker')
      this.#take(JSON.parse(params!.message!) as Message);
  }
}
