import type { CompiledRule } from '../../src/compile/table.ts';
import type { Reply } from '../../src/pipeline/reply.ts';
import {
  answerHead,
  type TestAnswer,
  TestExchange,
  type TestRequest,
} from '../../src/policies/testing-exchange.ts';
import { copyLines, dropsOf, HOP_BY_HOP } from '../../src/proxy/forward/header-drops.ts';

const RULES = { drops: dropsOf(HOP_BY_HOP), dropUnderscores: true };

/** One exchange that goes along the policies of a rule and back, as often as it is asked. */
export class Walk {
  /** So that nothing of what is made can be left out by the compiler. */
  writtenBytes = 0;
  status = 0;
  readonly #rule: CompiledRule<string>;
  readonly #x: TestExchange;
  readonly #head: ReturnType<typeof answerHead>;
  readonly #address: string;
  readonly #path: string;
  readonly #replies: boolean;

  /** @param replies a policy answers in place of the backend */
  constructor(rule: CompiledRule<string>, sent: TestRequest, answer: TestAnswer, replies = false) {
    this.#rule = rule;
    this.#replies = replies;
    this.#x = new TestExchange(sent);
    this.#head = answerHead(this.#x, answer);
    this.#address = this.#x.client.address;
    this.#path = this.#x.request.path;
  }

  /** A promise only where a policy waits for something. */
  once(): void | Promise<void> {
    this.#x.forget();
    const { request } = this.#x;
    request.begin('http', this.#address, this.#path);
    return this.#onRequest(0);
  }

  #onRequest(first: number): void | Promise<void> {
    const steps = this.#rule.onRequest ?? [];
    for (let i = first; i < steps.length; i++) {
      const reply = steps[i]!.policy.onRequest!(this.#x);
      if (reply === undefined) continue;
      if ('then' in reply) {
        return reply.then((one) => (one === undefined ? this.#onRequest(i + 1) : this.#replied(one)));
      }
      return this.#replied(reply);
    }
    return this.#answer();
  }

  #replied(reply: Reply): void {
    if (!this.#replies) throw new Error(`a policy has answered ${reply.status}: its case measures nothing`);
    this.#x.response.useReply(reply);
    this.#finish();
  }

  #answer(): void {
    if (this.#replies) throw new Error('no policy has answered: its case measures something else');
    const { request, response } = this.#x;
    this.#write(request.head.fields, request);
    response.useHead(this.#head);
    this.#finish();
  }

  #finish(): void {
    const { response } = this.#x;
    for (const { policy } of this.#rule.onResponse ?? []) {
      const waits = policy.onResponse!(this.#x);
      if (waits !== undefined) throw new Error('answers that wait are not measured here');
    }
    this.#write(this.#head.fields, response);
    this.status = response.status;
    for (const { policy } of this.#rule.onDone ?? []) policy.onDone!(this.#x);
  }

  /** As the data plane does: what policies edit has to be written. */
  #write(
    fields: Parameters<typeof copyLines>[0],
    view: TestExchange['request'] | TestExchange['response'],
  ): void {
    const edits = view.edited ? view : null;
    const text = copyLines(fields, RULES, '', edits) + (edits === null ? '' : edits.ownText());
    this.writtenBytes += text.length;
  }
}
