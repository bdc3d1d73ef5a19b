/**
 * The games that run on one Wolf: notices when one is over.
 *
 * Wolf's events only say when to look; what is true stands in its list of sessions. An event may be lost, garbled,
 * or be that of an older game of the same identity, and comes before the list has changed. A game is known by the
 * label that Wolf gave it, a new one for every /launch and /resume; a Wolf that shows no such label (that of 2024)
 * is asked under the game's own identity instead.
 */
import type { HostDriver } from '../../core/host/types.ts';
import type { WolfClient } from '../../core/host/wolf/client.ts';
import type { Logger } from '../../core/runtime/log.ts';

/** Another look after an event, for it may come before the list has changed. */
const LOOK_AGAIN_MS = 250;

/** A game as /launch or /resume began it. */
export interface RunningGame {
  /** Host part of the `sessionUrl0` that Wolf gave us. */
  label: string;
  /** Under the identity that plays it. */
  driver: () => Promise<HostDriver>;
}

export interface WolfGamesDeps {
  wolf: Pick<WolfClient, 'sessions'>;
  onGameEnded: (sessionId: string) => void;
  log: Logger;
}

interface Known extends RunningGame {
  /** Whether Wolf's list had the label once. */
  isListed: boolean;
}

export class WolfGames {
  readonly #deps: WolfGamesDeps;
  /** By our session id. At most as many as have a place on this host. */
  readonly #games = new Map<string, Known>();
  /** Sessions whose game was found to be over; each until it is begun anew or forgotten, so bounded as `#games` is. */
  readonly #over = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: WolfGamesDeps) {
    this.#deps = deps;
  }

  /** Follows the game of a session, from now on until `forget` or its end. */
  follow(sessionId: string, game: RunningGame): void {
    this.#over.delete(sessionId);
    this.#games.set(sessionId, { ...game, isListed: false });
    void this.look();
  }

  /** We end it, or begin it anew, ourselves. Idempotent. */
  forget(sessionId: string): void {
    this.#games.delete(sessionId);
    this.#over.delete(sessionId);
  }

  /** Whether the game of a session that is followed was found to be over. */
  isOver(sessionId: string): boolean {
    return this.#over.has(sessionId);
  }

  /** Wolf said that a game is over. */
  onStopEvent(): void {
    void this.look();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.look(), LOOK_AGAIN_MS).unref();
  }

  /** Compares with Wolf's list. Never throws: a Wolf that does not answer says nothing. */
  async look(): Promise<void> {
    const games = [...this.#games];
    if (games.length === 0) return;
    try {
      const labels = new Set((await this.#deps.wolf.sessions()).map(({ label }) => label));
      for (const [sessionId, game] of games) {
        game.isListed ||= labels.has(game.label);
        const isOver = game.isListed ? !labels.has(game.label) : !(await isBusy(game));
        // What was begun anew or ended meanwhile is another game.
        if (isOver && this.#games.get(sessionId) === game) this.#end(sessionId);
      }
    } catch (err) {
      this.#deps.log.debug({ err }, 'host did not list its sessions');
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#games.clear();
    this.#over.clear();
  }

  #end(sessionId: string): void {
    this.#games.delete(sessionId);
    this.#over.add(sessionId);
    this.#deps.log.info({ sessionId }, 'the game is over on the host');
    this.#deps.onGameEnded(sessionId);
  }
}

async function isBusy({ driver }: RunningGame): Promise<boolean> {
  return (await (await driver()).serverinfo()).isBusy;
}
