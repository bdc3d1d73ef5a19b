/** What a host was last asked in vain although it answers, in words for the Hosts page. */
import { GleipnirError } from '../../core/runtime/errors.ts';

/** What a host is asked, as people read it. */
const QUESTIONS = { applist: 'No list of apps', launch: 'The newest launch failed' } as const;
type Question = keyof typeof QUESTIONS;

export class Complaints {
  /** At most one for each question. */
  readonly #standing = new Map<Question, { sentence: string; failures: number }>();

  /** @returns how often the question was asked in vain, this time included. */
  note(question: Question, error: unknown): number {
    const failures = (this.#standing.get(question)?.failures ?? 0) + 1;
    this.#standing.set(question, { sentence: `${QUESTIONS[question]}: ${wordsOf(error)}`, failures });
    return failures;
  }

  /** The host answered the question as it should. */
  settle(question: Question): void {
    this.#standing.delete(question);
  }

  clear(): void {
    this.#standing.clear();
  }

  has(question: Question): boolean {
    return this.#standing.has(question);
  }

  sentences(): string[] {
    return [...this.#standing.values()].map(({ sentence }) => sentence);
  }
}

/** Whether a host answered, but nothing that a Moonlight client could use. */
export function isInvalidAnswer(error: unknown): boolean {
  return error instanceof GleipnirError && error.code === 'HOST_ANSWER_INVALID';
}

function wordsOf(error: unknown): string {
  if (!(error instanceof GleipnirError)) return 'something went wrong here; see the log';
  const { reason } = error.details;
  return reason === undefined ? error.message : `${error.message} (${reason})`;
}
