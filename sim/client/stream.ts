/** One stream, from RTSP to the report: three sockets, their receivers, and the clockwork between them. */
import { randomBytes } from 'node:crypto';
import type { LaunchAnswer } from '../../core/host/types.ts';
import type { EnetDisconnectReason } from '../enet/types.ts';
import { AudioReceiver } from './audio-receiver.ts';
import { ControlStream } from './control.ts';
import type { Negotiated, StreamSettings } from './handshake.ts';
import { CONTROL_CHANNEL, makeKeyEvent } from './input.ts';
import { createLoss } from './loss.ts';
import { StreamMeter } from './meter.ts';
import { roundOrNull, type StreamEnd, type StreamReport } from './report.ts';
import { performHandshake } from './rtsp.ts';
import { ClientSocket, findLocalAddress, Pinger } from './sockets.ts';
import { planRtspTarget } from './stream-plan.ts';
import { VideoReceiver } from './video-receiver.ts';

const TICK_MS = 10;
/** No video datagram, or none that makes a picture, for so long ends a stream. */
const VIDEO_PATIENCE_MS = 10_000;
/** How long a leaving client waits for the host's acknowledgement. */
const LINGER_MS = 2000;
const KEY_CODE = 0x41;

/** Which sockets move. */
export type RebindSockets = 'all' | 'media' | 'control' | 'video' | 'audio';

/** A change of the client's source ports, and of its local IP address if one is given. */
export interface Rebind {
  sockets: RebindSockets;
  localAddress?: string;
}

export interface StreamOptions {
  /** Time from PLAY's reply; endless by default. */
  seconds?: number;
  /** A key is pressed and released every so often. */
  inputEveryMs?: number;
  /** Moves sockets once, at this time after PLAY's reply. */
  rebindAtMs?: number;
  rebind?: Rebind;
  /** Drops received media datagrams, 0..100. */
  mediaLossPercent?: number;
  lossSeed?: number;
  /** Annex B data of every decodable frame. */
  onFrame?: (annexB: Uint8Array) => void;
  /** Called once the control stream is connected. */
  onConnect?: () => void;
  /** Where UDP datagrams for a port of the host are sent instead: something on the way, a tap or a NAT. */
  mapPort?: (port: number) => number;
  /** Local IP address to stream from; by default what the system would take. */
  localAddress?: string;
  /** Ends the stream early, as `Stream.stop` does. */
  signal?: AbortSignal;
}

/** What the stream is about: the client's settings, and the host's answer to /launch or /resume. */
export interface StreamTarget {
  answer: LaunchAnswer;
  rikey: Uint8Array;
  rikeyid: number;
  settings: StreamSettings;
}

/** What runs after the handshake. */
interface Running {
  negotiated: Negotiated;
  control: ControlStream;
  video: VideoReceiver;
  audio: AudioReceiver;
}

export class Stream {
  readonly #target: StreamTarget;
  readonly #options: StreamOptions;
  readonly #meter: StreamMeter;
  readonly #sockets: Record<'audio' | 'video' | 'control', ClientSocket>;
  readonly #pingers: Pinger[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #abort = new AbortController();
  readonly #end = Promise.withResolvers<StreamEnd>();
  #running: Running | undefined;
  #isLeaving = false;

  constructor(target: StreamTarget, options: StreamOptions) {
    this.#target = target;
    this.#options = options;
    this.#meter = new StreamMeter(target.rikeyid);
    const isLost = createLoss(options.mediaLossPercent ?? 0, options.lossSeed ?? 1);
    const { address } = target.answer;
    this.#sockets = {
      audio: new ClientSocket(address, (datagram) => {
        if (!isLost()) this.#running?.audio.receive(datagram);
      }),
      video: new ClientSocket(address, (datagram) => {
        if (!isLost()) this.#receiveVideo(datagram);
      }),
      control: new ClientSocket(address, (datagram) => this.#running?.control.receive(datagram)),
    };
  }

  /** @throws GleipnirError HOST_REFUSED, HOST_UNREACHABLE when RTSP fails; what ends it later is in the report. */
  async run(): Promise<StreamReport> {
    const { signal } = this.#options;
    const stop = () => {
      this.stop();
    };
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted === true) this.stop();
    try {
      const running = this.#start(await this.#handshake());
      const end = await this.#end.promise;
      const isRtspEncrypted = this.#target.answer.encrypted;
      const { negotiated, control, video, audio } = running;
      return this.#meter.report({
        negotiated,
        isRtspEncrypted,
        control,
        end,
        video: video.counters,
        audio: audio.counters,
        recoveryMs: this.#recoveryMs(),
      });
    } finally {
      signal?.removeEventListener('abort', stop);
      this.#close();
    }
  }

  /** Leaves as a client does: a DISCONNECT, and at most 2 s for its acknowledgement. */
  stop(): void {
    this.#abort.abort();
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#timers.push(
      setTimeout(() => {
        this.#end.resolve('stopped');
      }, LINGER_MS),
    );
    this.#running?.control.disconnect();
  }

  /** Is gone without a word, as a client whose battery died. */
  vanish(): void {
    this.#isLeaving = true;
    this.#abort.abort();
    this.#end.resolve('vanished');
    this.#close();
  }

  /** Moves sockets to new ports in mid-stream; nobody is told. */
  async rebind({ sockets, localAddress }: Rebind = { sockets: 'all' }): Promise<void> {
    this.#meter.rebinds += 1;
    const names = (['audio', 'video', 'control'] as const).filter((name) => {
      return sockets === 'all' || sockets === name || (sockets === 'media' && name !== 'control');
    });
    await Promise.all(names.map((name) => this.#sockets[name].rebind(localAddress)));
  }

  async #handshake(): Promise<Negotiated> {
    const { answer, rikey, settings } = this.#target;
    const { address, rtspPort: port, encrypted } = answer;
    const { audio, video, control } = this.#sockets;
    const localAddress = this.#options.localAddress ?? (await findLocalAddress({ address, port }));
    await Promise.all([audio, video, control].map((socket) => socket.open(localAddress)));
    const negotiated = await performHandshake({
      address,
      port,
      localAddress,
      settings,
      key: encrypted ? rikey : undefined,
      target: planRtspTarget(answer, settings.bitrateKbps),
      signal: this.#abort.signal,
      onAudioSetup: ({ port: audioPort, pingPayload }) => {
        this.#ping(audio, audioPort, pingPayload);
      },
    });
    this.#meter.played();
    return negotiated;
  }

  #start(negotiated: Negotiated): Running {
    const { rikey: key, rikeyid } = this.#target;
    const socket = this.#sockets.control;
    this.#aim(socket, negotiated.control.port);
    const control: ControlStream = new ControlStream({
      key,
      version: negotiated.controlVersion,
      connectData: negotiated.control.connectData,
      connectID: randomBytes(4).readUInt32LE(),
      now: () => performance.now(),
      transmit: (datagram) => {
        socket.send(datagram);
      },
      onConnect: () => {
        this.#onConnect(negotiated);
      },
      onTermination: (code) => {
        this.#meter.termination = code;
        this.#end.resolve('terminated');
      },
      onDisconnect: (reason) => {
        this.#onDisconnect(reason);
      },
    });
    const requestIdr = () => {
      this.#meter.idrRequests += 1;
      control.requestIdr();
    };
    const video = new VideoReceiver({
      key: negotiated.hasVideoEncryption ? key : undefined,
      requestIdr,
      onFrame: (frame, isDecodable) => {
        this.#meter.frame(frame, isDecodable);
        if (isDecodable) this.#options.onFrame?.(frame.annexB);
      },
    });
    const audio = new AudioReceiver(negotiated.hasAudioEncryption ? { key, rikeyid } : undefined);
    this.#running = { negotiated, control, video, audio };
    this.#startTimers(control);
    if (this.#isLeaving) control.disconnect();
    return this.#running;
  }

  #startTimers(control: ControlStream): void {
    const { seconds, rebindAtMs, rebind } = this.#options;
    this.#timers.push(
      setInterval(() => {
        control.tick();
        this.#checkPatience();
      }, TICK_MS),
    );
    if (seconds !== undefined) {
      this.#timers.push(
        setTimeout(() => {
          this.stop();
        }, seconds * 1000),
      );
    }
    if (rebindAtMs !== undefined) {
      this.#timers.push(
        setTimeout(() => {
          this.rebind(rebind).catch(this.#end.reject);
        }, rebindAtMs),
      );
    }
  }

  #onConnect({ video }: Negotiated): void {
    this.#meter.connected();
    this.#ping(this.#sockets.video, video.port, video.pingPayload);
    const { inputEveryMs, onConnect } = this.#options;
    if (inputEveryMs !== undefined) {
      this.#timers.push(
        setInterval(() => {
          this.#sendInput();
        }, inputEveryMs),
      );
    }
    onConnect?.();
  }

  #onDisconnect(reason: EnetDisconnectReason): void {
    if (reason === 'local') this.#end.resolve('stopped');
    else if (reason === 'remote') this.#end.resolve('disconnected');
    else this.#end.resolve(this.#pingers.length > 1 ? 'controlTimeout' : 'connectTimeout');
  }

  #receiveVideo(datagram: Uint8Array): void {
    this.#meter.videoDatagram();
    this.#running?.video.receive(datagram);
    const sinceMs = this.#meter.sinceFirstDatagramMs ?? 0;
    if (!this.#meter.hasPicture && sinceMs > VIDEO_PATIENCE_MS) this.#giveUp('noFrame');
  }

  #checkPatience(): void {
    const isWaiting = this.#meter.sinceFirstDatagramMs === undefined;
    if (isWaiting && this.#meter.elapsedMs > VIDEO_PATIENCE_MS) this.#giveUp('noVideo');
  }

  #giveUp(end: StreamEnd): void {
    this.#end.resolve(end);
    this.#running?.control.disconnectNow();
  }

  #sendInput(): void {
    const control = this.#running?.control;
    if (control?.isConnected !== true) return;
    control.sendInput(CONTROL_CHANNEL.KEYBOARD, makeKeyEvent(KEY_CODE, true));
    control.sendInput(CONTROL_CHANNEL.KEYBOARD, makeKeyEvent(KEY_CODE, false));
    this.#meter.inputEventsSent += 2;
  }

  #ping(socket: ClientSocket, port: number, payload: string | undefined): void {
    this.#aim(socket, port);
    this.#pingers.push(
      new Pinger(payload, (datagram) => {
        socket.send(datagram);
      }),
    );
  }

  #aim(socket: ClientSocket, port: number): void {
    socket.remotePort = this.#options.mapPort?.(port) ?? port;
  }

  #recoveryMs(): StreamReport['recoveryMs'] {
    const { audio, video, control } = this.#sockets;
    return {
      audio: roundOrNull(audio.recoveryMs),
      video: roundOrNull(video.recoveryMs),
      control: roundOrNull(control.recoveryMs),
    };
  }

  #close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const pinger of this.#pingers) pinger.stop();
    for (const socket of Object.values(this.#sockets)) socket.close();
  }
}
