/** What Wolf's API socket adds to the watch over a host: PINs typed by themselves, and its events. */
import { createWolfClient, type WolfClient } from '../../core/host/wolf/client.ts';
import { WolfEventStream } from '../../core/host/wolf/event-stream.ts';
import { localAddressTowards, preparePinEntry, type TypePin } from '../../core/host/wolf/pin-entry.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { WolfGames } from './games.ts';
import type { HostSpec } from './types.ts';

export interface WolfWatchDeps {
  spec: HostSpec;
  socketPath: string;
  onGameEnded: (sessionId: string) => void;
  /** The event stream ended: Wolf may be gone. */
  onDisconnected: () => void;
  log: Logger;
}

export class WolfWatch {
  readonly games: WolfGames;
  readonly #spec: HostSpec;
  readonly #client: WolfClient;
  readonly #events: WolfEventStream;

  constructor({ spec, socketPath, onGameEnded, onDisconnected, log }: WolfWatchDeps) {
    this.#spec = spec;
    this.#client = createWolfClient({ socketPath });
    this.games = new WolfGames({ wolf: this.#client, onGameEnded, log });
    this.#events = new WolfEventStream({
      socketPath,
      onEvent: ({ type }) => {
        if (type === 'StopStreamEvent') this.games.onStopEvent();
      },
      onConnected: () => void this.games.look(),
      onDisconnected,
      log,
    });
  }

  start(): void {
    this.#events.start();
  }

  async stop(): Promise<void> {
    this.games.stop();
    await this.#events.stop();
  }

  /** To be called before each pairing, one at a time. @throws GleipnirError HOST_UNREACHABLE, HOST_REFUSED */
  async preparePinEntry(): Promise<TypePin> {
    const { address, httpPort } = this.#spec;
    return preparePinEntry(this.#client, await localAddressTowards(address, httpPort));
  }
}
