/** Pairing controller: says of each Pairing, also of those made by hand, whether a client can come with its certificate. */
import { holdersOf } from '../../core/crd/precedence.ts';
import type { Pairing } from '../../core/crd/types.ts';
import { faultOfPairing, fingerprintOfPairing } from '../../core/store/pairing-client.ts';
import { MODULUS_BITS, type CertificateFault } from '../../core/protocol/pairing/certificate.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { ObjectStore, StatusOf } from '../../core/store/object-store.ts';
import { withAccepted, type Observation } from './conditions.ts';
import { StatusKeeper } from './statuses.ts';

export interface PairingControllerDeps {
  pairings: Pick<ObjectStore<'Pairing'>, 'list' | 'watch' | 'patchStatus'>;
  log: Logger;
  /** Milliseconds since the epoch. */
  now: () => number;
}

/** What the text of a Pairing says of its client. */
interface ClientFacts {
  fault: CertificateFault | undefined;
  fingerprint: string | undefined;
}

const FAULTS: Readonly<Record<CertificateFault, string>> = {
  unreadable: 'clientCertPEM is not a certificate in PEM',
  notRsa: 'The key of clientCertPEM is not an RSA key, as those of Moonlight clients are',
  tooShort: `The RSA key of clientCertPEM is shorter than ${MODULUS_BITS.min} bits`,
  tooLong: `The RSA key of clientCertPEM is longer than ${MODULUS_BITS.max} bits`,
};

export function createPairingController({
  pairings,
  log,
  now,
}: PairingControllerDeps): StatusKeeper<'Pairing'> {
  /** By what each Pairing says: reading a certificate takes a tenth of a millisecond. At most as many as Pairings. */
  let known = new Map<string, ClientFacts>();
  return new StatusKeeper({
    kind: 'Pairing',
    store: pairings,
    judge: (all) => {
      known = new Map(all.map((each) => [keyOf(each), known.get(keyOf(each)) ?? readClient(each)]));
      return Promise.resolve(judgePairings(all, known, new Date(now())));
    },
    log,
  });
}

function judgePairings(
  pairings: readonly Pairing[],
  known: ReadonlyMap<string, ClientFacts>,
  now: Date,
): (pairing: Pairing) => StatusOf<'Pairing'> {
  const factsOf = (pairing: Pairing): ClientFacts => known.get(keyOf(pairing)) ?? readClient(pairing);
  const holders = holdersOf(pairings, (pairing) => {
    const { fingerprint } = factsOf(pairing);
    return fingerprint === undefined ? [] : [fingerprint];
  });
  return (pairing) => {
    const { fault, fingerprint = '' } = factsOf(pairing);
    const { metadata } = holders.get(fingerprint) ?? pairing;
    return {
      ...pairing.status,
      conditions: withAccepted(pairing, observe(fault, metadata.name, pairing.metadata.name), now),
    };
  };
}

/** @param holder name of the Pairing that has this one's certificate. */
function observe(fault: CertificateFault | undefined, holder: string, name: string): Observation {
  if (fault !== undefined) return { holds: false, reason: 'CertificateUnusable', message: FAULTS[fault] };
  if (holder === name) return { holds: true, reason: 'Accepted', message: 'Its certificate is its own' };
  const message = `The Pairing ${holder} is older and has the same certificate`;
  return { holds: false, reason: 'CertificateTaken', message };
}

function readClient(pairing: Pairing): ClientFacts {
  return { fault: faultOfPairing(pairing), fingerprint: fingerprintOfPairing(pairing) };
}

function keyOf({ spec }: Pairing): string {
  return spec.fingerprint ?? spec.clientCertPEM;
}
