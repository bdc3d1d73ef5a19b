/** nftables: two maps translate both ends, connection tracking remembers each flow. */
import { CLIENT_PORT, type Lane } from '../../stage/lanes.ts';
import { letForward, runInside } from '../../stage/network.ts';
import { aimAtEdge } from '../../stage/stage.ts';
import { findProgram, portOf, whyNotInstalled, type Candidate } from './candidate.ts';

const PUBLIC_PORT = 47_998;

/** The ruleset of one lane: port n of the edge is client n. */
export function formatRuleset({ clients, edgeToClient }: Lane): string {
  const elements = clients.map((address, flow) => `${portOf(flow)} : ${address} . ${CLIENT_PORT}`);
  return `table ip bench {
  map clients {
    type inet_service : ipv4_addr . inet_service
    elements = { ${elements.join(', ')} }
  }
  chain prerouting {
    type nat hook prerouting priority dstnat
    iifname "to-pod" dnat ip to udp dport map @clients
  }
  chain postrouting {
    type nat hook postrouting priority srcnat
    oifname "to-client" meta l4proto udp snat to ${edgeToClient}:${PUBLIC_PORT}
  }
}
`;
}

export const nftables: Candidate = {
  name: 'nftables',
  title: 'nftables NAT maps',
  whyNot: () => whyNotInstalled('nft'),
  start: async (place) => {
    letForward(place.edge);
    runInside(place.edge, [findProgram('nft'), '-f', '-'], formatRuleset(place.lane));
    await aimAtEdge(place, portOf);
    return { place };
  },
};
