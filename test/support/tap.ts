/**
 * A forwarder between one client and the public UDP ports: whoever sits on the way. It keeps what passed, and can
 * move to other ports and another address, as a NAT does without the client knowing.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';

const ADDRESS = '127.0.0.1';

/** The UDP streams of a session. */
export type StreamName = 'control' | 'video' | 'audio';
const STREAMS: readonly StreamName[] = ['control', 'video', 'audio'];

export interface Tap {
  /** Every datagram of the client so far, in order. */
  readonly sent: Readonly<Record<StreamName, Uint8Array[]>>;
  /** Every control datagram that came for the client so far, in order. */
  readonly received: Uint8Array[];
  /** Where the client sends instead of to one of the public ports: an option of its stream. */
  mapPort: (port: number) => number;
  /**
   * Takes new public ports, at `localAddress` if given; what comes to the old ones is lost.
   *
   * @returns how many control datagrams of the client went out of the old port.
   */
  rebind: (localAddress?: string) => Promise<number>;
  close: () => void;
}

/** @param ports - the public ports, on loopback */
export async function openTap(ports: Readonly<Record<StreamName, number>>): Promise<Tap> {
  const received: Uint8Array[] = [];
  const lanes = {
    control: await openLane(ports.control, (datagram) => received.push(datagram)),
    video: await openLane(ports.video),
    audio: await openLane(ports.audio),
  };
  const innerPorts = new Map(STREAMS.map((stream) => [ports[stream], lanes[stream].innerPort]));
  return {
    sent: { control: lanes.control.sent, video: lanes.video.sent, audio: lanes.audio.sent },
    received,
    mapPort: (port) => innerPorts.get(port) ?? port,
    rebind: async (localAddress) => {
      const { control, video, audio } = lanes;
      const moved = await Promise.all([control, video, audio].map((lane) => lane.rebind(localAddress)));
      return moved[0] ?? 0;
    },
    close: () => {
      for (const stream of STREAMS) lanes[stream].close();
    },
  };
}

interface Lane {
  sent: Uint8Array[];
  innerPort: number;
  /** @returns how many datagrams went out before. */
  rebind: (localAddress?: string) => Promise<number>;
  close: () => void;
}

async function openLane(publicPort: number, onReceived?: (datagram: Uint8Array) => void): Promise<Lane> {
  const sent: Uint8Array[] = [];
  let client: RemoteInfo | undefined;
  const inner = await bind(ADDRESS);
  const openOuter = async (localAddress: string): Promise<Socket> => {
    const socket = await bind(localAddress);
    socket.on('message', (datagram) => {
      onReceived?.(Uint8Array.from(datagram));
      if (client !== undefined) inner.send(datagram, client.port, client.address);
    });
    return socket;
  };
  let outer = await openOuter(ADDRESS);
  inner.on('message', (datagram, source) => {
    client = source;
    sent.push(Uint8Array.from(datagram));
    outer.send(datagram, publicPort, ADDRESS);
  });
  return {
    sent,
    innerPort: inner.address().port,
    rebind: async (localAddress = ADDRESS) => {
      const former = outer;
      outer = await openOuter(localAddress);
      const count = sent.length;
      former.close();
      return count;
    },
    close: () => {
      inner.close();
      outer.close();
    },
  };
}

async function bind(address: string): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, address);
  await once(socket, 'listening');
  return socket;
}
