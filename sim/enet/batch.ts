/** Packs commands into as few datagrams as the MTU allows. */
import { enetCommandSize, writeEnetCommand, type EnetCommand } from '../../core/protocol/enet/command.ts';
import { writeEnetHeader } from '../../core/protocol/enet/header.ts';

/** What the head of every datagram of one connection says. */
export interface EnetLabel {
  /** The receiver's index for this connection. */
  peerID: number;
  /** 0..3. */
  sessionID: number;
}

const HEADER_MAX = 4;

/**
 * The datagrams that carry `commands` in order, each at most `mtu` bytes; a command that is longer travels alone.
 * A datagram says when it was sent only if it holds a command to acknowledge, as ENet does.
 *
 * @param sentTime ms modulo 2^16.
 */
export function packDatagrams(
  commands: readonly EnetCommand[],
  o: { label: EnetLabel; sentTime: number; mtu: number },
): Uint8Array[] {
  const datagrams: Uint8Array[] = [];
  let batch: EnetCommand[] = [];
  let size = HEADER_MAX;
  const close = () => {
    if (batch.length > 0) datagrams.push(writeDatagram(batch, size, o));
    batch = [];
    size = HEADER_MAX;
  };
  for (const command of commands) {
    const commandSize = enetCommandSize(command);
    if (size + commandSize > o.mtu) close();
    batch.push(command);
    size += commandSize;
  }
  close();
  return datagrams;
}

function writeDatagram(
  commands: readonly EnetCommand[],
  sizeMax: number,
  { label, sentTime }: { label: EnetLabel; sentTime: number },
): Uint8Array {
  const target = new Uint8Array(sizeMax);
  const isTimed = commands.some(({ needsAcknowledge }) => needsAcknowledge);
  let end = writeEnetHeader(target, { ...label, sentTime: isTimed ? sentTime : undefined });
  for (const command of commands) end = writeEnetCommand(target, end, command);
  return target.subarray(0, end);
}
