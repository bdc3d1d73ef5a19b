/** The process under fuzz, seen from its parent: started, asked, and what became of it. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Answer, Question } from './target.ts';

/** Of what it printed last, kept to say why it died. */
const OUTPUT_KEPT = 4_000;

type AnswerTo<K extends Answer['kind']> = Extract<Answer, { kind: K }>;

export class TargetProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<Answer['kind'], (answer: Answer) => void>();
  readonly #death = Promise.withResolvers<never>();
  #output = '';
  #isClosing = false;

  constructor() {
    const child = fork(new URL('./target.ts', import.meta.url), { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    this.#child = child;
    const keep = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString()).slice(-OUTPUT_KEPT);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    child.on('message', (answer: Answer) => {
      this.#waiting.get(answer.kind)?.(answer);
      this.#waiting.delete(answer.kind);
    });
    child.once('close', (code, signal) => {
      if (this.#isClosing) return;
      this.#death.reject(new Error(`the target ended with ${signal ?? code ?? 'nothing'}: ${this.#output}`));
    });
    this.#death.promise.catch(() => undefined);
  }

  /** Resolves once it plays. @throws Error when it ends before. */
  ready(): Promise<AnswerTo<'ready'>> {
    return this.#answer('ready');
  }

  /** One question of a kind at a time. @throws Error when the process ends, with what it printed last. */
  ask<K extends Question>(question: K): Promise<AnswerTo<K>> {
    const answer = this.#answer(question);
    this.#child.send(question);
    return answer;
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    await exited;
  }

  async #answer<K extends Answer['kind']>(kind: K): Promise<AnswerTo<K>> {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#waiting.set(kind, resolve);
    return (await Promise.race([promise, this.#death.promise])) as AnswerTo<K>;
  }
}
